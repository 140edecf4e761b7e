/** A source of time in milliseconds that only goes forward; its zero has no meaning. Tests pass their own. */
export type Clock = () => number;

/** The platform's monotonic clock. */
export const monotonicClock: Clock = () => performance.now();

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
