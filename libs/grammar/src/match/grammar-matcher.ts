import { StarlingError } from '@starling/core';
import { atOnce } from '../automata/at-once.js';
import { grammarError } from '../limits.js';
import type { Grammar } from '../machine/grammar.js';
import { STUCK, type Machine } from '../machine/machine.js';
import { forcedBytes, type SpaceHabit } from './forced-bytes.js';
import type { GrammarIndex } from './grammar-index.js';
import { nearestEnd, type EndStep } from './nearest-end.js';
import {
  beginSteps,
  beginThreads,
  closeThreads,
  stepThreads,
  trailBytes,
  type Activation,
  type Thread,
  type Threads,
} from './threads.js';
import type { TokenMask } from './token-mask.js';
import { matchesToken, tokenMoveWords } from './token-moves.js';
import type { Reach, TrieWalk } from './trie-walk.js';

/** Parts of a grammar that are made ahead: those that outputs come to first. */
const PREPARED = 512;

/**
 * Works out what outputs of a grammar begin with, and what of its parts takes long to make, in steps: matchers that are made then begin at once.
 * The same for the same grammar, so that it may be a part of a compilation that another thread has done before.
 * @throws StarlingError invalid_grammar
 */
export function* matcherSteps(grammar: Grammar): Generator<undefined, void> {
  const root = grammar.machine();
  yield;
  yield* beginSteps(root);
  const seen = new Set<Machine>([root]);
  for (const machine of seen) {
    for (const source of machine.prepare?.() ?? []) {
      yield;
      if (seen.size >= PREPARED) break;
      seen.add(source());
    }
  }
}

/** Bytes that are looked ahead for each token. */
const MEAN_TOKEN_BYTES = 6;

/**
 * Follows one output through a grammar, token by token. Asking whether a token fits (`accepts`) runs its bytes; a full mask is
 * built only when `mask()` is called, from parts that are kept for all outputs of the grammar.
 *
 * Tokens that end the output are accepted exactly where the grammar may end; after one of them nothing but them is accepted.
 */
export class GrammarMatcher {
  readonly #grammar: Grammar;
  readonly #index: GrammarIndex;
  /** Holds what the grammar's masks are kept by, as long as a matcher uses them. */
  readonly #root: Machine;
  readonly #walk: TrieWalk;
  #threads: Threads;
  #ended = false;
  #mask: TokenMask | undefined;
  /** The token that was tried last, and where it led. */
  #tried: { readonly id: number; readonly threads: Threads } | undefined;

  /**
   * @param root the grammar's machine, of a matcher that is gone on with
   * @throws StarlingError invalid_grammar for a grammar that can be read in too many ways from the beginning, or names a token that the vocabulary does not have
   */
  constructor(grammar: Grammar, index: GrammarIndex, root: Machine = grammar.machine()) {
    index.checkTokens(grammar);
    this.#grammar = grammar;
    this.#index = index;
    this.#root = root;
    this.#walk = index.walkOf(this.#root);
    this.#threads = beginThreads(this.#root);
  }

  /** Whether the output may end here. */
  get canEnd(): boolean {
    return this.#ended || this.#threads.canEnd;
  }

  /** Whether nothing but the end can follow. */
  get isDone(): boolean {
    return (
      this.#ended ||
      (this.#threads.canEnd &&
        this.#threads.list.every(({ activation, state }) => isFinished(activation.machine, state)))
    );
  }

  /** Whether the token may come next. */
  accepts(id: number): boolean {
    const { vocabulary } = this.#index;
    if (!Number.isInteger(id) || id < 0 || id >= vocabulary.size) return false;
    if (vocabulary.isEndOfGeneration(id) && this.canEnd) return true;
    if (this.#ended) return false;
    const threads = this.#after(id);
    return threads.list.length > 0 || threads.canEnd;
  }

  /**
   * Takes the token as the next one.
   * @throws StarlingError invalid_argument, and changes nothing, if the grammar does not allow it
   */
  advance(id: number): void {
    if (!this.accepts(id))
      throw new StarlingError(
        'invalid_argument',
        `token ${id} is not allowed here by the grammar; ask accepts() or mask() first`,
        {
          details: { token: id },
        },
      );
    if (this.#index.vocabulary.isEndOfGeneration(id) && this.canEnd) this.#ended = true;
    else this.#threads = this.#after(id);
    this.#mask = undefined;
    this.#tried = undefined;
  }

  /**
   * All tokens that may come next. The mask belongs to the matcher and is never changed; the next one is a new one.
   * @throws StarlingError invalid_grammar if no token of the vocabulary can go on and the output may not end here
   */
  mask(): TokenMask {
    return atOnce(this.maskSteps());
  }

  /** The same with a stop after each part of the output that the tokens may belong to. The matcher is not to be changed meanwhile. */
  *maskSteps(): Generator<undefined, TokenMask> {
    return (this.#mask ??= { words: yield* this.#maskWords(), vocabSize: this.#index.vocabulary.size });
  }

  /**
   * Tokens that bring the output to its end, in as few bytes as are found: what must come, and texts of no meaning; and a token that ends the
   * output, where more could follow. The matcher is not changed.
   * @param limit tokens, at most
   * @returns undefined if no end is found within the limit
   */
  ending(limit: number): number[] | undefined {
    return atOnce(this.endingSteps(limit));
  }

  /** The same with stops on the way. The matcher is not to be changed meanwhile. */
  *endingSteps(limit: number): Generator<undefined, number[] | undefined> {
    if (this.#ended) return [];
    const steps = yield* nearestEnd(this.#threads, this.#index, limit * this.#index.trie.maxDepth);
    return steps && this.#tokensOf(steps, limit);
  }

  /**
   * The longest tokens of the text that must come, up to where there is a choice; where white space may stand, that which the text has by habit. Other
   * tokens can make the same text: this is a guess. The matcher is not changed.
   * @param last the byte before, if there is one
   * @param limit tokens, at most
   */
  forced(last: number | undefined, limit: number, spaceAfter: SpaceHabit): number[] {
    if (this.#ended || this.#threads.canEnd) return [];
    const steps = forcedBytes(this.#threads, last, limit * MEAN_TOKEN_BYTES, spaceAfter).map((byte) => ({ byte }));
    if (steps.length === 0) return [];
    const ahead = this.fork();
    const tokens: number[] = [];
    for (let at = 0; at < steps.length && tokens.length < limit; ) {
      const found = this.#longestToken(steps, at, ahead);
      if (found === undefined) break;
      ahead.advance(found.id);
      tokens.push(found.id);
      at += found.length;
    }
    return tokens;
  }

  /** The longest tokens that make the steps. */
  #tokensOf(steps: readonly EndStep[], limit: number): number[] | undefined {
    const ahead = this.fork();
    const tokens: number[] = [];
    for (let at = 0; at < steps.length; ) {
      if (tokens.length >= limit) return undefined;
      const step = steps[at];
      const found = 'token' in step ? { id: step.token, length: 1 } : this.#longestToken(steps, at, ahead);
      if (found === undefined || !ahead.accepts(found.id)) return undefined;
      ahead.advance(found.id);
      tokens.push(found.id);
      at += found.length;
    }
    if (!ahead.canEnd) return undefined;
    const end = ahead.isDone ? undefined : this.#index.endId;
    if (end !== undefined) tokens.push(end);
    return tokens.length > limit ? undefined : tokens;
  }

  #longestToken(
    steps: readonly EndStep[],
    from: number,
    ahead: GrammarMatcher,
  ): { readonly id: number; readonly length: number } | undefined {
    const { trie } = this.#index;
    let found: { id: number; length: number } | undefined;
    for (let at = from, node = 0; at < steps.length; at++) {
      const step = steps[at];
      if (!('byte' in step)) break;
      let child = node + 1;
      while (child < trie.ends[node] && trie.bytes[child] !== step.byte) child = trie.ends[child];
      if (child >= trie.ends[node]) break;
      node = child;
      const id = trie.idStarts[node] < trie.idStarts[node + 1] ? trie.ids[trie.idStarts[node]] : undefined;
      if (id !== undefined && ahead.accepts(id)) found = { id, length: at - from + 1 };
    }
    return found;
  }

  /** A matcher at the same place that goes its own way from here. */
  fork(): GrammarMatcher {
    const copy = new GrammarMatcher(this.#grammar, this.#index, this.#root);
    copy.#threads = this.#threads;
    copy.#ended = this.#ended;
    copy.#mask = this.#mask;
    copy.#tried = this.#tried;
    return copy;
  }

  #after(id: number): Threads {
    if (this.#tried?.id !== id) this.#tried = { id, threads: this.#run(id) };
    return this.#tried.threads;
  }

  #run(id: number): Threads {
    const byToken: Thread[] = [];
    for (const { activation, state } of this.#threads.list) {
      for (const move of activation.machine.tokenMoves(state))
        if (matchesToken(move, id, this.#index)) byToken.push({ activation, state: move.to });
    }
    let threads: Threads = { list: [], canEnd: false, trail: this.#threads.trail };
    if (!this.#index.vocabulary.isControl(id) && !this.#index.vocabulary.isEndOfGeneration(id)) {
      const bytes = this.#index.vocabulary.bytesOf(id);
      if (bytes.length > 0) {
        threads = this.#threads;
        for (let i = 0; i < bytes.length && threads.list.length > 0; i++) threads = stepThreads(threads, bytes[i]);
      }
    }
    return byToken.length === 0 ? threads : closeThreads([...threads.list, ...byToken], threads.trail);
  }

  *#maskWords(): Generator<undefined, Uint32Array> {
    const words = new Uint32Array(this.#index.endWords.length);
    if (!this.#ended) {
      for (const thread of this.#threads.list) {
        yield* this.#addThread(words, thread);
        yield;
      }
    }
    if (this.canEnd) orWords(words, this.#index.endWords);
    else if (words.every((word) => word === 0)) {
      throw grammarError(
        "no token of this model's vocabulary can continue the output as the grammar demands, and it may not end here",
      );
    }
    return words;
  }

  *#addThread(words: Uint32Array, { activation, state }: Thread): Generator<undefined, void> {
    const { machine } = activation;
    for (const reach of this.#walk.fromRoot(machine, state)) {
      if (reach.words) orWords(words, reach.words);
      for (const id of reach.ids) words[id >>> 5] |= 1 << (id & 31);
      if (reach.exitNodes.length > 0) yield* this.#addCallers(words, reach, activation);
    }
    for (const move of machine.tokenMoves(state)) orWords(words, tokenMoveWords(move, this.#index));
  }

  /** Adds the tokens that go on in the callers of a run that ends inside of them. */
  *#addCallers(words: Uint32Array, reach: Reach, activation: Activation): Generator<undefined, void> {
    for (const { call, caller } of activation.returns) {
      if (call === undefined) {
        yield* this.#addCallers(words, reach, caller);
        continue;
      }
      yield;
      const after = this.#walk.after(reach, call, caller.machine, () =>
        trailBytes(activation.begin, this.#threads.trail),
      );
      for (const id of after.ids) words[id >>> 5] |= 1 << (id & 31);
      if (after.exitNodes.length > 0) yield* this.#addCallers(words, after, caller);
    }
  }
}

function orWords(words: Uint32Array, more: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i] |= more[i];
}

/** Whether a state can only end. */
function isFinished(machine: Machine, state: number): boolean {
  if (machine.calls(state).length > 0 || machine.tokenMoves(state).length > 0) return false;
  for (let byte = 0; byte < 256; byte++) if (machine.next(state, byte) !== STUCK) return false;
  return true;
}
