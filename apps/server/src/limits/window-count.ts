import type { RateLimiterRes } from 'rate-limiter-flexible';
import type { WindowCount } from './limit-store.js';

/** Counters of a window: they count alone, what is too much is for the caller to say, whose limits differ. */
export const limiterOptions = (windowSeconds: number) => ({ points: Number.MAX_SAFE_INTEGER, duration: windowSeconds });

/** What a limiter says of a name. */
export function countOf(result: RateLimiterRes | null, windowSeconds: number): WindowCount {
  if (result === null || result.msBeforeNext <= 0) return { used: 0, msLeft: windowSeconds * 1000 };
  // The system's clock may have been set back meanwhile: nobody is told to wait for longer than a window.
  return { used: result.consumedPoints, msLeft: Math.min(result.msBeforeNext, windowSeconds * 1000) };
}
