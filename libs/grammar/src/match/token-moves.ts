import type { TokenMove } from '../machine/machine.js';
import type { GrammarIndex } from './grammar-index.js';

interface Resolved {
  readonly ids: ReadonlySet<number>;
  readonly words: Uint32Array;
}

const resolved = new WeakMap<GrammarIndex, WeakMap<TokenMove, Resolved>>();

/** Whether a move is made by a token; tokens that end the output make none unless they are named. */
export function matchesToken(move: TokenMove, id: number, index: GrammarIndex): boolean {
  const { ids } = resolve(move, index);
  if (move.kind === 'only') return ids.has(id);
  return !ids.has(id) && (move.kind === 'except' || index.vocabulary.isControl(id));
}

/** The first token that a move names to make it; undefined for moves of many tokens, and where the vocabulary has none of them. */
export function soleToken(move: TokenMove, index: GrammarIndex): number | undefined {
  if (move.kind !== 'only') return undefined;
  const [first] = resolve(move, index).ids;
  return first;
}

/** (words) the tokens that make a move. */
export function tokenMoveWords(move: TokenMove, index: GrammarIndex): Uint32Array {
  return resolve(move, index).words;
}

function resolve(move: TokenMove, index: GrammarIndex): Resolved {
  let moves = resolved.get(index);
  if (!moves) resolved.set(index, (moves = new WeakMap()));
  let found = moves.get(move);
  if (!found) {
    const known = move.optional ? move.tokens.filter((token) => index.hasToken(token)) : move.tokens;
    const ids = new Set(known.map((token) => index.tokenId(token)));
    moves.set(move, (found = { ids, words: wordsOf(move, ids, index) }));
  }
  return found;
}

function wordsOf(move: TokenMove, ids: ReadonlySet<number>, index: GrammarIndex): Uint32Array {
  const words = move.kind === 'control' ? index.controlWords.slice() : new Uint32Array(index.endWords.length);
  const set = (id: number, on: boolean): void => {
    if (on) words[id >>> 5] |= 1 << (id & 31);
    else words[id >>> 5] &= ~(1 << (id & 31));
  };
  if (move.kind === 'except')
    for (let id = 0; id < index.vocabulary.size; id++) set(id, !index.vocabulary.isEndOfGeneration(id));
  for (const id of ids) set(id, move.kind === 'only');
  return words;
}
