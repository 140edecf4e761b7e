import type { DonePart, PromptPart } from '@starling/engine';
import * as v from 'valibot';

/** llama-server's figures of an answer, which its clients show: milliseconds, and tokens a second (0 where nothing was computed). */
export interface AnswerTimings {
  readonly cache_n: number;
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly prompt_per_token_ms: number;
  readonly prompt_per_second: number;
  readonly predicted_n: number;
  readonly predicted_ms: number;
  readonly predicted_per_token_ms: number;
  readonly predicted_per_second: number;
  /** Tokens that were expected and computed, and those of them that came; absent where none were. */
  readonly draft_n?: number;
  readonly draft_n_accepted?: number;
}

interface Measured {
  readonly cached: number;
  readonly computed: number;
  readonly promptMs: number;
  readonly predicted: number;
  readonly predictedMs: number;
  /** Answers whose first token came with the prompt. */
  readonly answers: number;
}

/** The first token comes with the prompt: what is decoded is the others. */
function timings({ cached, computed, promptMs, predicted, predictedMs, answers }: Measured): AnswerTimings {
  const decoded = Math.max(predicted - answers, 0);
  const perToken = (ms: number, tokens: number): number => (tokens > 0 ? ms / tokens : 0);
  const perSecond = (ms: number, tokens: number): number => (ms > 0 ? (1000 / ms) * tokens : 0);
  return {
    cache_n: cached,
    prompt_n: computed,
    prompt_ms: promptMs,
    prompt_per_token_ms: perToken(promptMs, computed),
    prompt_per_second: perSecond(promptMs, computed),
    predicted_n: predicted,
    predicted_ms: predictedMs,
    predicted_per_token_ms: perToken(predictedMs, decoded),
    predicted_per_second: perSecond(predictedMs, decoded),
  };
}

/** Where an answer waited. */
interface Waits {
  readonly queue_ms: number;
  readonly restore_ms: number;
  readonly first_token_ms: number;
  readonly suspended_ms: number;
  readonly preemptions: number;
}

/** The figures of a whole answer, with how long it waited. */
export function timingsOf({ usage, timings: times, samples }: DonePart): AnswerTimings & Waits {
  return {
    ...timings({
      cached: usage.cachedTokens,
      computed: usage.promptTokens - usage.cachedTokens,
      promptMs: times.promptMs,
      predicted: usage.completionTokens,
      predictedMs: times.decodeMs,
      answers: samples.length,
    }),
    queue_ms: times.queueMs,
    restore_ms: times.restoreMs,
    first_token_ms: times.firstTokenMs,
    ...(times.draftedTokens > 0 && { draft_n: times.draftedTokens, draft_n_accepted: times.acceptedTokens }),
    suspended_ms: times.suspendedMs,
    preemptions: times.preemptions,
  };
}

/** The figures of an answer that is under way, from its parts as they come. */
export class RunningTimings {
  #prompt: PromptPart | undefined;
  #predicted = 0;
  #firstAt = 0;
  #lastAt = 0;
  readonly #clock: () => number;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  notePrompt(part: PromptPart): void {
    this.#prompt = part;
  }

  noteToken(): void {
    this.#lastAt = this.#clock();
    if (this.#predicted++ === 0) this.#firstAt = this.#lastAt;
  }

  now(): AnswerTimings {
    const { processedTokens = 0, cachedTokens = 0, ms = 0 } = this.#prompt ?? {};
    return timings({
      cached: cachedTokens,
      computed: processedTokens - cachedTokens,
      promptMs: ms,
      predicted: this.#predicted,
      predictedMs: this.#lastAt - this.#firstAt,
      answers: 1,
    });
  }
}

/** How far a prompt is computed, as llama-server tells it. */
export function progressOf({ totalTokens, cachedTokens, processedTokens, ms }: PromptPart): object {
  return { total: totalTokens, cache: cachedTokens, processed: processedTokens, time_ms: Math.round(ms) };
}

/** What `timingsOf` gives. */
export const timingsSchema = v.object({
  cache_n: v.number(),
  prompt_n: v.number(),
  prompt_ms: v.number(),
  prompt_per_token_ms: v.number(),
  prompt_per_second: v.number(),
  predicted_n: v.number(),
  predicted_ms: v.number(),
  predicted_per_token_ms: v.number(),
  predicted_per_second: v.number(),
  queue_ms: v.number(),
  restore_ms: v.number(),
  first_token_ms: v.number(),
  suspended_ms: v.number(),
  preemptions: v.number(),
  draft_n: v.optional(v.number()),
  draft_n_accepted: v.optional(v.number()),
});
