import type { StarlingError } from '@starling/core';
import type { CacheMiss, KvSequence, StateCheckpoint } from '@starling/kvcache';
import type { Draft } from './draft.js';
import { boundedPriority, type SchedulingTerms } from './scheduling-terms.js';

/** How a sequence came to its end. */
export type SequenceEnd =
  | { readonly kind: 'finished' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'failed'; readonly error: StarlingError };

/** What to run. */
export interface SequenceRequest extends SchedulingTerms {
  /** Unique among those under way. */
  readonly id: string;
  /** The prompt: 1 token or more. */
  readonly tokens: ArrayLike<number>;
  /** Logits of all prompt positions, or only of the last one. Default `last`. */
  readonly outputs?: 'last' | 'all';
  /**
   * How it is pooled, for a sequence that is embedded: its tokens are computed in steps that hold none but such of the same pooling.
   * Default: it is not embedded, its logits are wanted.
   */
  readonly pooling?: string;
  /** Of one that is embedded: its tokens may come in several steps, in chunks as prompts do. Default: all come in one. */
  readonly inParts?: boolean;
  /** For models with an encoder: tokens of the prompt that this reads, fewer than all. One step takes them, beside the tokens that it has for others. */
  readonly encoderTokens?: number;
  /** Handed on to the runner with each step. */
  readonly secondFrom?: number;
  readonly adapterScales?: ArrayLike<number>;
  /** Work of the owner's own, which nobody asked for: statistics of the scheduler and of the cache leave it out, and its tenant. Default false. */
  readonly isInternal?: boolean;
  /** A part of a request of which another part was let in before: it is not refused for want of room. */
  readonly isAdmitted?: boolean;
  /** Whose computed tokens it may share (`cacheKeyOf`). Default: nobody's; then it leaves none either. */
  readonly cacheKey?: string;
  /** Positions at which the state of recurrent layers is kept for later prompts, for models that have one. */
  readonly checkpoints?: readonly number[];
  /** Told once, when the sequence is over; its pages have been given back. */
  readonly onEnd?: (end: SequenceEnd) => void;
}

/**
 * - `waiting`: in the queue, or suspended (it ran and lost its slot or its pages, or it is parked)
 * - `running`: has a slot
 * - `ended`
 */
export type SequenceState = 'waiting' | 'running' | 'ended';

/** A sequence as its owner sees it. */
export interface SequenceHandle {
  readonly id: string;
  readonly state: SequenceState;
  /** Tokens so far: the prompt and what was appended. */
  readonly length: number;
  readonly promptLength: number;
  /** Tokens whose keys and values are in pages. */
  readonly computed: number;
  /** Tokens of the prompt that were found in the cache when it first ran. */
  readonly cachedTokens: number;
  /** Why the cache had no more; undefined before it first ran, and when there was nothing more to want. */
  readonly miss?: CacheMiss;
  /** Times that it gave its pages, or its slot, to another. */
  readonly preemptions: number;
  /** Expected tokens that were computed beside known ones, and those of them that came. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
  /** Milliseconds that it waited to go on after it had begun. */
  readonly suspendedMs: number;
  /** Milliseconds in which its beginning was brought back from slower storage. */
  readonly restoreMs: number;
}

/** A sequence under way: the scheduler's own record. */
export class ScheduledSequence implements SequenceHandle {
  readonly request: SequenceRequest;
  readonly priority: number;
  readonly tenant: string;
  readonly session: string;
  readonly promptLength: number;
  /** When it came, among all: the earlier of two equals goes first. */
  readonly arrival: number;
  kv: KvSequence;
  /** Where a model runtime keeps what it remembers of it beside pages; it means something only while it runs. */
  slot = 0;
  /** Tokens of the prompt that a cache is likely to have; once it has begun, those that it had. */
  cachedTokens: number;
  miss: CacheMiss | undefined;
  preemptions = 0;
  draftedTokens = 0;
  acceptedTokens = 0;
  suspendedMs = 0;
  restoreMs = 0;
  /** Whether it was looked up in the cache: the first time tells what the request was spared. */
  wasMatched = false;
  /** A state to load into the slot before its next step. */
  restore: StateCheckpoint | undefined;
  /** The state that was kept last. */
  lastState: StateCheckpoint | undefined;
  /** Positions at which a step has to end, so that the state there can be kept: ascending. */
  stops: readonly number[] = [];
  state: SequenceState = 'waiting';
  /** On the clock: when it was submitted or suspended. */
  waitingSince: number;
  /** A step has computed some of its tokens. */
  hasStarted = false;
  /** It waits for its owner to append a token, and has no slot meanwhile unless it is only held. */
  isParked = false;
  /** Set while a step that computes some of its tokens is under way. */
  isInStep = false;
  /** Set when it is to end, but a step still writes its pages. */
  pendingEnd: SequenceEnd | undefined;
  /** Where the state of recurrent layers was before a step with drafts. */
  fallback: StateCheckpoint | undefined;
  /** How likely it is that its drafts are right up to and with each `(drafted)`; undefined: it has none. */
  chances: Draft['chances'] | undefined;
  /** Drafts that the last step computed and that have not come yet: their keys lie in `[computed, computed + ahead)`. */
  #ahead = 0;
  /** What is known; after that, what is expected. */
  #tokens: Uint32Array;
  #length: number;

  constructor(
    request: SequenceRequest,
    kv: KvSequence,
    arrival: number,
    now: number,
    tokens: ArrayLike<number> = request.tokens,
  ) {
    this.request = request;
    this.priority = boundedPriority(request);
    this.tenant = request.tenant ?? '';
    this.session = request.session ?? '';
    this.promptLength = request.tokens.length;
    this.cachedTokens = Math.min(request.cachedTokens ?? 0, this.promptLength);
    this.kv = kv;
    this.arrival = arrival;
    this.waitingSince = now;
    this.#tokens = Uint32Array.from(tokens);
    this.#length = tokens.length;
  }

  get id(): string {
    return this.request.id;
  }

  /** Whose computed tokens it begins with; undefined: nobody's, since rows of all its positions are wanted. */
  get searchKey(): string | undefined {
    const { outputs, pooling, cacheKey } = this.request;
    return outputs === 'all' || pooling !== undefined ? undefined : cacheKey;
  }

  /** Prompt tokens, for whoever counts what waits. */
  get promptTokens(): number {
    return this.promptLength;
  }

  get length(): number {
    return this.#length;
  }

  get computed(): number {
    return this.kv.length;
  }

  /** Tokens that are known and not computed. Zero: its owner has yet to append one, or to finish it. */
  get pending(): number {
    return this.#length - this.kv.length;
  }

  /** One token to compute, after the prompt: it must not wait for the prompts of others. */
  get isDecoding(): boolean {
    return this.pending === 1 && this.kv.length >= this.promptLength;
  }

  /** Tokens for an encoder that its next step computes, all of them at once. */
  get unread(): number {
    return this.kv.length === 0 ? (this.request.encoderTokens ?? 0) : 0;
  }

  /** Tokens that its next step may compute: all that are pending, or those up to the next place where its state is kept. */
  get nextTokens(): number {
    const stop = this.stops.find((position) => position > this.kv.length) ?? Infinity;
    return Math.min(this.pending, stop - this.kv.length);
  }

  /** Tokens that are expected to follow. */
  get drafted(): number {
    return this.chances?.length ?? 0;
  }

  /** Tokens `[from, to)`, drafts included: a view. */
  tokens(from: number, to: number): Uint32Array {
    return this.#tokens.subarray(from, to);
  }

  /** The next token. If it is the next draft that the last step computed, it is computed by that. */
  append(token: number): void {
    const isComputed = this.#ahead > 0 && this.#tokens[this.#length] === token;
    if (isComputed) {
      this.#ahead--;
      this.acceptedTokens++;
    } else this.dropDrafts();
    this.#makeRoom(1);
    this.#tokens[this.#length++] = token;
    if (isComputed) this.kv.commit(1);
  }

  /** Notes what is expected to follow, as far as `limit` tokens. */
  expect({ tokens, chances }: Draft, limit: number): void {
    const count = Math.min(tokens.length, limit);
    if (count <= 0) return;
    this.#makeRoom(count);
    for (let i = 0; i < count; i++) this.#tokens[this.#length + i] = tokens[i];
    this.chances = count === chances.length ? chances : Array.prototype.slice.call(chances, 0, count);
  }

  /** Its first `count` drafts were computed, beside its known tokens. */
  computedDrafts(count: number): void {
    this.#ahead = count;
    this.draftedTokens += count;
    this.chances = undefined;
  }

  /** Forgets what is expected, and what was computed of it. The state of recurrent layers cannot be cut back: it is put back to where it was. */
  dropDrafts(): void {
    if (this.#ahead > 0 && this.fallback !== undefined) {
      this.kv.truncate(this.fallback.position);
      this.restore = this.fallback;
    }
    this.#ahead = 0;
    this.chances = undefined;
    this.fallback = undefined;
  }

  #makeRoom(count: number): void {
    if (this.#length + count <= this.#tokens.length) return;
    const grown = new Uint32Array(Math.max(16, (this.#length + count) * 2));
    grown.set(this.#tokens);
    this.#tokens = grown;
  }
}

/** Orders by who goes first: higher priority, then earlier arrival. */
export function byRank(a: ScheduledSequence, b: ScheduledSequence): number {
  return b.priority - a.priority || a.arrival - b.arrival;
}
