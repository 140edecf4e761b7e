import type { Clock } from '@starling/core';
import type { Timings } from './generate-types.js';

/** When a request came to each of its stages, on one clock. Each mark is set once. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #submitted: number;
  #started: number | undefined;
  #promptDone: number | undefined;
  #firstToken: number | undefined;
  #lastToken: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#submitted = clock();
  }

  /** The first step that works on it begins; gives the milliseconds it waited, the first time. */
  start(now: number): number | undefined {
    if (this.#started !== undefined) return undefined;
    this.#started = now;
    return now - this.#submitted;
  }

  promptDone(): void {
    this.#promptDone ??= this.#clock();
  }

  /** A token is known; gives milliseconds since the call for the first one, since the one before for others. */
  token(): { readonly isFirst: boolean; readonly ms: number } {
    const now = this.#clock();
    const isFirst = this.#firstToken === undefined;
    const ms = now - (this.#lastToken ?? this.#submitted);
    this.#firstToken ??= now;
    this.#lastToken = now;
    return { isFirst, ms };
  }

  /**
   * The timings as of now.
   * @param promptTokens tokens of the prompt that were computed
   * @param laterTokens tokens that came after the first one of each sample
   */
  timings(promptTokens: number, laterTokens: number): Timings {
    const now = this.#clock();
    const started = this.#started ?? now;
    const promptMs = (this.#promptDone ?? now) - started;
    const decodeMs = (this.#lastToken ?? 0) - (this.#firstToken ?? 0);
    return {
      queueMs: started - this.#submitted,
      promptMs,
      firstTokenMs: this.#firstToken === undefined ? 0 : this.#firstToken - this.#submitted,
      decodeMs,
      promptTps: perSecond(promptTokens, promptMs),
      decodeTps: perSecond(laterTokens, decodeMs),
    };
  }
}

function perSecond(tokens: number, ms: number): number {
  return ms > 0 ? (tokens * 1000) / ms : 0;
}
