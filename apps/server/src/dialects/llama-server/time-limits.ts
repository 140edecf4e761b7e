import { StarlingError } from '@starling/core';
import type { GeneratePart, Generation } from '@starling/engine';

/** Milliseconds that the two halves of an answer may take; undefined: no limit. */
export interface TimeLimits {
  /** From now until the first token. */
  readonly promptMs?: number;
  /** From the first token; the line that is being written then is written to its end. */
  readonly predictMs?: number;
}

/** What a request says of time; 0 and -1 say nothing. */
export function timeLimitsOf({
  t_max_prompt_ms: promptMs,
  t_max_predict_ms: predictMs,
}: {
  readonly t_max_prompt_ms?: number | null;
  readonly t_max_predict_ms?: number | null;
}): TimeLimits {
  const given = (ms: number | null | undefined): number | undefined => (ms != null && ms > 0 ? ms : undefined);
  return { promptMs: given(promptMs), predictMs: given(predictMs) };
}

/**
 * The parts of an answer within its limits. One that took too long is cut after the first line break that comes then, and ends by `deadline`; one
 * whose prompt took too long fails.
 * @throws StarlingError deadline_exceeded
 */
export async function* withinTime(
  generation: Generation,
  { promptMs, predictMs }: TimeLimits,
  clock: () => number = () => performance.now(),
): AsyncGenerator<GeneratePart> {
  let isLate = false;
  const timer =
    promptMs === undefined
      ? undefined
      : setTimeout(() => {
          isLate = true;
          generation.cancel();
        }, promptMs);
  let firstAt: number | undefined;
  let isCut = false;
  try {
    for await (const part of generation) {
      if (isLate && firstAt === undefined)
        throw new StarlingError(
          'deadline_exceeded',
          `t_max_prompt_ms: the prompt was not computed within ${promptMs} ms`,
          { details: { param: 't_max_prompt_ms', limit: promptMs } },
        );
      if (part.kind === 'token') {
        clearTimeout(timer);
        firstAt ??= clock();
        if (!isCut && predictMs !== undefined && clock() - firstAt > predictMs && part.text.includes('\n')) {
          isCut = true;
          generation.cancel();
        }
        yield part;
      } else if (isCut && (part.kind === 'done' || part.kind === 'sample') && part.stopReason.kind === 'cancelled') {
        yield { ...part, finishReason: 'deadline', stopReason: { kind: 'deadline' } };
      } else yield part;
    }
  } finally {
    clearTimeout(timer);
  }
}
