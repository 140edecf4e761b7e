/** A source of time in milliseconds that only goes forward; its zero has no meaning. Tests pass their own. */
export type Clock = () => number;

/** The platform's monotonic clock. */
export const monotonicClock: Clock = () => performance.now();

/** Milliseconds since 1970 by the system's clock as it was when the process began: what is counted by it stays as it is when that clock is set. */
export const steadyTime: Clock = () => performance.timeOrigin + performance.now();

/** A moment by which something must be done. */
export interface Deadline {
  /** Milliseconds left; zero once it has passed. */
  remainingMs(): number;
  hasPassed(): boolean;
}

/** A deadline `limitMs` milliseconds from now. */
export function deadlineAfter(limitMs: number, clock: Clock = monotonicClock): Deadline {
  const end = clock() + limitMs;
  return {
    remainingMs: () => Math.max(0, end - clock()),
    hasPassed: () => clock() >= end,
  };
}
