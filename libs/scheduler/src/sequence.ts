import type { StarlingError } from '@starling/core';
import type { KvSequence } from '@starling/kvcache';

/** How a sequence came to its end. */
export type SequenceEnd =
  | { readonly kind: 'finished' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'failed'; readonly error: StarlingError };

/** What to run. */
export interface SequenceRequest {
  /** Unique among those under way. */
  readonly id: string;
  /** The prompt: 1 token or more. */
  readonly tokens: ArrayLike<number>;
  /** Larger runs first. Default 0. */
  readonly priority?: number;
  /** Requests of one tenant take turns with those of others. Default: the empty name, shared by all who give none. */
  readonly tenant?: string;
  /** A tenant of weight 2 gets two turns for one of a tenant of weight 1. Default 1. */
  readonly weight?: number;
  /** A moment on the scheduler's clock after which the sequence ends as `deadline`. */
  readonly deadline?: number;
  /** Logits of all prompt positions, or only of the last one. Default `last`. */
  readonly outputs?: 'last' | 'all';
  /** Told once, when the sequence is over; its pages have been given back. */
  readonly onEnd?: (end: SequenceEnd) => void;
}

/**
 * - `waiting`: in the queue, or suspended (it ran and lost its slot or its pages)
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
}

/** A sequence under way: the scheduler's own record. */
export class ScheduledSequence implements SequenceHandle {
  readonly request: SequenceRequest;
  readonly priority: number;
  readonly tenant: string;
  readonly promptLength: number;
  /** When it came, among all: the earlier of two equals goes first. */
  readonly arrival: number;
  readonly kv: KvSequence;
  state: SequenceState = 'waiting';
  /** On the clock: when it was submitted or suspended. */
  waitingSince: number;
  /** Set while a step that computes some of its tokens is under way. */
  isInStep = false;
  /** Set when it is to end, but a step still writes its pages. */
  pendingEnd: SequenceEnd | undefined;
  #tokens: Uint32Array;
  #length: number;

  constructor(request: SequenceRequest, kv: KvSequence, arrival: number, now: number, tokens: ArrayLike<number> = request.tokens) {
    this.request = request;
    this.priority = request.priority ?? 0;
    this.tenant = request.tenant ?? '';
    this.promptLength = request.tokens.length;
    this.kv = kv;
    this.arrival = arrival;
    this.waitingSince = now;
    this.#tokens = Uint32Array.from(tokens);
    this.#length = tokens.length;
  }

  get id(): string {
    return this.request.id;
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

  /** Tokens `[from, to)`: a view. */
  tokens(from: number, to: number): Uint32Array {
    return this.#tokens.subarray(from, to);
  }

  append(token: number): void {
    if (this.#length === this.#tokens.length) {
      const grown = new Uint32Array(Math.max(16, this.#length * 2));
      grown.set(this.#tokens);
      this.#tokens = grown;
    }
    this.#tokens[this.#length++] = token;
  }
}

/** Orders by who goes first: higher priority, then earlier arrival. */
export function byRank(a: ScheduledSequence, b: ScheduledSequence): number {
  return b.priority - a.priority || a.arrival - b.arrival;
}
