import type { Clock } from '@starling/core';
import type { SequenceHandle } from '@starling/scheduler';
import type { Timings } from './generate-types.js';

/** Milliseconds that went by before a request was queued. */
export type Prepared = Pick<Timings, 'tokenizeMs' | 'grammarMs'>;

type Waits = Pick<SequenceHandle, 'restoreMs' | 'preemptions' | 'suspendedMs' | 'draftedTokens' | 'acceptedTokens'>;

/** When a request came to each of its stages, on one clock. Each mark is set once. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #prepared: Prepared;
  readonly #submitted: number;
  #started: number | undefined;
  #promptDone: number | undefined;
  #firstToken: number | undefined;
  #lastToken: number | undefined;

  #choosingSince: number | undefined;
  #sampleMs = 0;

  constructor(clock: Clock, prepared: Prepared = { tokenizeMs: 0, grammarMs: 0 }) {
    this.#clock = clock;
    this.#prepared = prepared;
    this.#submitted = clock();
  }

  /** The first step that works on it begins; gives the milliseconds it waited, the first time. */
  start(now: number): number | undefined {
    if (this.#started !== undefined) return undefined;
    this.#started = now;
    return now - this.#submitted;
  }

  /** Milliseconds since the first step began; 0 before. */
  sinceStart(now = this.#clock()): number {
    return this.#started === undefined ? 0 : now - this.#started;
  }

  promptDone(): void {
    this.#promptDone ??= this.#clock();
  }

  /** The work of choosing a token begins. */
  choosing(): void {
    this.#choosingSince = this.#clock();
  }

  /** A token is known; gives milliseconds since the call for the first one, since the one before for others. */
  token(): { readonly isFirst: boolean; readonly ms: number } {
    const now = this.#clock();
    const isFirst = this.#firstToken === undefined;
    const ms = now - (this.#lastToken ?? this.#submitted);
    this.#sampleMs += now - (this.#choosingSince ?? now);
    this.#firstToken ??= now;
    this.#lastToken = now;
    return { isFirst, ms };
  }

  /**
   * The timings as of now.
   * @param promptTokens tokens of the prompt that were computed
   * @param laterTokens tokens that came after the first one of each sample
   * @param waits what the scheduler knows of each sample's sequence
   */
  timings(promptTokens: number, laterTokens: number, waits: readonly Waits[] = []): Timings {
    const now = this.#clock();
    const started = this.#started ?? now;
    const promptMs = (this.#promptDone ?? now) - started;
    const decodeMs = (this.#lastToken ?? 0) - (this.#firstToken ?? 0);
    const sum = (name: keyof Waits): number => waits.reduce((all, one) => all + one[name], 0);
    return {
      ...this.#prepared,
      queueMs: started - this.#submitted,
      restoreMs: waits[0]?.restoreMs ?? 0,
      promptMs,
      firstTokenMs: this.#firstToken === undefined ? 0 : this.#firstToken - this.#submitted,
      decodeMs,
      sampleMs: this.#sampleMs,
      preemptions: sum('preemptions'),
      suspendedMs: sum('suspendedMs'),
      promptTps: perSecond(promptTokens, promptMs),
      decodeTps: perSecond(laterTokens, decodeMs),
      draftedTokens: sum('draftedTokens'),
      acceptedTokens: sum('acceptedTokens'),
    };
  }
}

function perSecond(tokens: number, ms: number): number {
  return ms > 0 ? (tokens * 1000) / ms : 0;
}
