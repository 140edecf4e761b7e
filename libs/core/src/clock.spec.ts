import { deadlineAfter, monotonicClock } from './clock.js';

describe('deadlines', () => {
  it('count down on the given clock and stop at zero', () => {
    let now = 100;
    const deadline = deadlineAfter(50, () => now);
    expect(deadline.remainingMs()).toBe(50);
    now = 149;
    expect(deadline.hasPassed()).toBe(false);
    now = 150;
    expect(deadline.hasPassed()).toBe(true);
    now = 500;
    expect(deadline.remainingMs()).toBe(0);
  });

  it('use a clock that never goes back', () => {
    const first = monotonicClock();
    expect(monotonicClock()).toBeGreaterThanOrEqual(first);
  });
});
