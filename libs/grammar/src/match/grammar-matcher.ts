import { StarlingError } from '@starling/core';
import { grammarError } from '../limits.js';
import type { Grammar } from '../machine/grammar.js';
import { STUCK, type Machine } from '../machine/machine.js';
import type { GrammarIndex } from './grammar-index.js';
import { beginThreads, closeThreads, stepThreads, trailBytes, type Activation, type Thread, type Threads } from './threads.js';
import type { TokenMask } from './token-mask.js';
import { matchesToken, tokenMoveWords } from './token-moves.js';
import type { Reach, TrieWalk } from './trie-walk.js';

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
  #root: Machine;
  #walk: TrieWalk;
  #threads: Threads;
  #ended = false;
  #mask: TokenMask | undefined;
  /** The token that was tried last, and where it led. */
  #tried: { readonly id: number; readonly threads: Threads } | undefined;

  constructor(grammar: Grammar, index: GrammarIndex) {
    this.#grammar = grammar;
    this.#index = index;
    this.#root = grammar.machine();
    this.#walk = index.walkOf(this.#root);
    this.#threads = beginThreads(this.#root);
  }

  /** Whether the output may end here. */
  get canEnd(): boolean {
    return this.#ended || this.#threads.canEnd;
  }

  /** Whether nothing but the end can follow. */
  get isDone(): boolean {
    return this.#ended || (this.#threads.canEnd && this.#threads.list.every(({ activation, state }) => isFinished(activation.machine, state)));
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
      throw new StarlingError('invalid_argument', `token ${id} is not allowed here by the grammar; ask accepts() or mask() first`, {
        details: { token: id },
      });
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
    return (this.#mask ??= { words: this.#maskWords(), vocabSize: this.#index.vocabulary.size });
  }

  /** A matcher at the same place that goes its own way from here. */
  fork(): GrammarMatcher {
    const copy = new GrammarMatcher(this.#grammar, this.#index);
    copy.#root = this.#root;
    copy.#walk = this.#walk;
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
      for (const move of activation.machine.tokenMoves(state)) if (matchesToken(move, id, this.#index)) byToken.push({ activation, state: move.to });
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

  #maskWords(): Uint32Array {
    const words = new Uint32Array(this.#index.endWords.length);
    if (!this.#ended) for (const thread of this.#threads.list) this.#addThread(words, thread);
    if (this.canEnd) orWords(words, this.#index.endWords);
    else if (words.every((word) => word === 0)) {
      throw grammarError("no token of this model's vocabulary can continue the output as the grammar demands, and it may not end here");
    }
    return words;
  }

  #addThread(words: Uint32Array, { activation, state }: Thread): void {
    const { machine } = activation;
    for (const reach of this.#walk.fromRoot(machine, state)) {
      if (reach.words) orWords(words, reach.words);
      for (const id of reach.ids) words[id >>> 5] |= 1 << (id & 31);
      this.#addCallers(words, reach, activation);
    }
    for (const move of machine.tokenMoves(state)) orWords(words, tokenMoveWords(move, this.#index));
  }

  /** Adds the tokens that go on in the callers of a run that ends inside of them. */
  #addCallers(words: Uint32Array, reach: Reach, activation: Activation): void {
    if (reach.exitNodes.length === 0) return;
    for (const { call, caller } of activation.returns) {
      if (call === undefined) {
        this.#addCallers(words, reach, caller);
        continue;
      }
      const after = this.#walk.after(reach, call, caller.machine, () => trailBytes(activation.begin, this.#threads.trail));
      for (const id of after.ids) words[id >>> 5] |= 1 << (id & 31);
      this.#addCallers(words, after, caller);
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
