import type { KvCache, KvSequence } from '@starling/kvcache';
import type { Draft, SequenceHandle } from '@starling/scheduler';
import type { OutputMatcher } from '../constraint.js';
import { DraftRates } from './draft-rates.js';
import type { HiddenRows } from './hidden-rows.js';

/** An answer as it grows. */
export interface GrowingText {
  readonly promptTokens: Uint32Array;
  /** What has come after the prompt. */
  readonly tokens: readonly number[];
  /** Tokens that may be drafted now. */
  readonly draftLimit: number;
  /** Tokens that may still come. */
  readonly tokensLeft: number;
  /** What the answer must look like, from where it stands; it may be advanced. Undefined: anything. */
  followingMatcher(): OutputMatcher | undefined;
}

/** What is drafted is not gone on with below this chance that all of it comes. */
const WORTHLESS = 0.05;

/**
 * One answer in the draft model: the keys and values of its beginning there, and what was drafted last.
 *
 * Invariant: between two phases of drafting the pages hold tokens `[0, kv.length)` of the text, or, until `align` is called, drafts of it at the end.
 */
export class DraftedAnswer {
  readonly sequence: SequenceHandle;
  readonly kv: KvSequence;
  readonly rates: DraftRates;
  /** In which phase it was drafted last. */
  usedAt = 0;
  /** Whose computed tokens it shares; undefined: nobody's. */
  readonly #cacheKey: string | undefined;
  readonly #text: GrowingText;
  readonly #shared: DraftRates;
  readonly #vocabSize: number;
  /** Of a head: what it goes on from. */
  readonly #hidden: HiddenRows | undefined;
  /** The state that the head itself has for the token that it drafted last. */
  readonly #ownHidden: Float32Array | undefined;
  /** Of a head: tokens before the first one of its pages. */
  #base = 0;
  /** Where the drafts begin, the drafts, how sure the model was of each, and how likely it is that all up to each are right. */
  #from = 0;
  #drafts: number[] = [];
  #sureness: number[] = [];
  #chances: number[] = [];
  #matcher: OutputMatcher | undefined;
  #isStopped = false;
  #donated = false;

  /**
   * @param kv what is known of its beginning, under the key
   * @param shared what is known of all answers, which learns of this one too
   * @param vocabSize tokens that both models have
   * @param hidden of a head: the model's hidden states. Its pages begin with the first token that the state before is known of
   */
  constructor(
    sequence: SequenceHandle,
    text: GrowingText,
    { kv, cacheKey }: { readonly kv: KvSequence; readonly cacheKey: string | undefined },
    shared: DraftRates,
    vocabSize: number,
    hidden?: { readonly rows: HiddenRows; readonly width: number },
  ) {
    this.#hidden = hidden?.rows;
    this.#ownHidden = hidden && new Float32Array(hidden.width);
    this.sequence = sequence;
    this.kv = kv;
    this.#cacheKey = cacheKey;
    this.rates = new DraftRates(shared);
    this.#text = text;
    this.#shared = shared;
    this.#vocabSize = vocabSize;
  }

  /** Tokens that are known: the prompt, and what has come. */
  get known(): number {
    return this.#text.promptTokens.length + this.#text.tokens.length;
  }

  /** Tokens that are known, or drafted after those, and whose keys are not in pages. */
  get behind(): number {
    return this.known + this.#drafts.length - this.#base - this.kv.length;
  }

  /** How likely it is that all its drafts are right. */
  get chance(): number {
    return this.#chances.at(-1) ?? 1;
  }

  get next(): number {
    return this.rates.next;
  }

  /** Drafts that it may have beside those there are. */
  get room(): number {
    return this.#isStopped || this.sequence.state !== 'running'
      ? 0
      : Math.max(0, this.#text.draftLimit - this.#drafts.length);
  }

  get drafted(): number {
    return this.#drafts.length;
  }

  /** How many of its drafts are likely to come. */
  get expected(): number {
    return this.#chances.reduce((sum, chance) => sum + chance, 0);
  }

  get draft(): Draft {
    return { tokens: this.#drafts, chances: this.#chances };
  }

  /** Tokens that may still come. */
  get tokensLeft(): number {
    return this.#text.tokensLeft;
  }

  /** Holds what was drafted last against what came, and forgets the rest of it. */
  align(): void {
    const { known } = this;
    let right = 0;
    while (right < this.#drafts.length && this.#from + right < known) {
      const isHit = this.#tokenAt(this.#from + right) === this.#drafts[right];
      this.rates.note(this.#sureness[right], isHit);
      this.#shared.note(this.#sureness[right], isHit);
      if (!isHit) break;
      right++;
    }
    // What a head computed of drafts came of states of its own, which those of the model are better than.
    const computed = this.#hidden ? 0 : right;
    const kept = this.#drafts.length === 0 ? this.kv.length : this.#from - this.#base + computed;
    // One token at least is to be computed, so that what follows it is known.
    this.kv.truncate(Math.max(0, Math.min(this.kv.length, kept, known - 1 - this.#base)));
    this.#rebase();
    this.#from = known;
    this.#drafts = [];
    this.#sureness = [];
    this.#chances = [];
    this.#isStopped = false;
    this.#matcher = undefined;
  }

  /** Whether it can be drafted for: a head needs the state of the token before the last known one. */
  get isReady(): boolean {
    return this.#hidden === undefined || this.#hidden.to === this.known - 1;
  }

  /** Where states are missing that the next tokens need, the head's pages begin anew behind them. */
  #rebase(): void {
    if (this.#hidden === undefined || this.#base + this.kv.length - 1 >= this.#hidden.from) return;
    this.kv.truncate(0);
    this.#base = this.#hidden.from + 1;
  }

  /** Of a head: the states that come with the next `count` tokens, each that of the token before. */
  hiddenInput(count: number): Float32Array[] | undefined {
    const hidden = this.#hidden;
    if (hidden === undefined) return undefined;
    const first = this.#base + this.kv.length - 1;
    return Array.from({ length: count }, (_, i) =>
      first + i < this.known - 1 ? hidden.at(first + i) : this.#ownHidden!,
    );
  }

  /** Of a head: the state that it has for the last of the tokens that it was given. */
  noteOwnHidden(row: Float32Array | undefined): void {
    if (row) this.#ownHidden?.set(row);
  }

  /** The next `count` tokens for its pages, drafts included. Undefined if one of them is not of the model's vocabulary. */
  input(count: number): Uint32Array | undefined {
    const length = this.#base + this.kv.length;
    const { known } = this;
    const tokens = Uint32Array.from({ length: count }, (_, i) =>
      length + i < known ? this.#tokenAt(length + i) : this.#drafts[length + i - known],
    );
    return tokens.every((token) => token < this.#vocabSize) ? tokens : undefined;
  }

  /** The model expects a token after all that it was given, and is so sure of it. Gives whether the answer goes on being drafted. */
  expect(id: number, sureness: number): boolean {
    if (this.#drafts.length === 0) this.#matcher = this.#text.followingMatcher();
    const chance = this.chance * this.rates.of(sureness);
    if (id >= this.#vocabSize || chance < WORTHLESS || !this.#mayCome(id)) {
      this.#isStopped = true;
      return false;
    }
    this.#drafts.push(id);
    this.#sureness.push(sureness);
    this.#chances.push(chance);
    return this.room > 0;
  }

  /** Keeps what of the prompt is computed, for other answers to it. Once. */
  donatePrompt(cache: KvCache): void {
    if (this.#hidden || this.#donated || this.#drafts.length > 0 || this.kv.length < this.#text.promptTokens.length)
      return;
    this.#donated = true;
    cache.donate(this.#cacheKey, this.#computed(), this.kv, { partial: false });
  }

  /** It is over: what is computed of it stays for who goes on from it. */
  release(cache: KvCache): void {
    if (this.kv.isReleased) return;
    this.align();
    // The pages of a head begin where its states did, which no other answer knows of.
    if (!this.#hidden) cache.donate(this.#cacheKey, this.#computed(), this.kv, { partial: true });
    this.kv.release();
  }

  /** A grammar that is at its limits is not guessed about: only what comes may fail. */
  #mayCome(id: number): boolean {
    if (this.#matcher === undefined) return true;
    try {
      if (!this.#matcher.accepts(id)) return false;
      this.#matcher.advance(id);
      return true;
    } catch {
      return false;
    }
  }

  /** The tokens whose keys are in pages, where no draft is among them. */
  #computed(): Uint32Array {
    return Uint32Array.from({ length: this.kv.length }, (_, i) => this.#tokenAt(i));
  }

  #tokenAt(position: number): number {
    const { promptTokens, tokens } = this.#text;
    return position < promptTokens.length ? promptTokens[position] : tokens[position - promptTokens.length];
  }
}
