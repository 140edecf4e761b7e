import type { ServerStatus } from './api.js';
import { MOMENTS, StatusHistory } from './status-history.js';

const status = (second: number, generated: number, served: Record<string, number> = {}): ServerStatus => ({
  version: '1',
  time_ms: 1000 * second,
  totals: {
    requests: 0,
    rejected: 0,
    prompt_tokens: 2 * generated,
    cached_tokens: 0,
    generated_tokens: generated,
    busy_ms: 0,
  },
  models: [
    {
      name: 'm',
      state: 'ready',
      running: 2,
      queued: 1,
      tenants: Object.entries(served).map(([name, ms]) => ({ name, weight: 1, queued: 0, running: 1, served_ms: ms })),
    },
  ],
});

describe('the last minute of a server', () => {
  it('is rates between looks, and the parts that tenants had of it', () => {
    const history = new StatusHistory();
    history.add(status(1, 100, { a: 50 }));
    expect(history.moments).toEqual([]);
    expect(history.shares()).toEqual([]);
    history.add(status(3, 160, { a: 80, b: 10 }));
    expect(history.moments).toMatchObject([{ generatedPerSecond: 30, promptPerSecond: 60, running: 2, queued: 1 }]);
    expect(history.shares()).toEqual([
      { name: 'a', part: 0.75 },
      { name: 'b', part: 0.25 },
    ]);
    // A tenant that was away begins at zero again.
    history.add(status(4, 160, { a: 80, b: 5 }));
    expect(history.shares()[0]).toEqual({ name: 'a', part: 30 / 45 });
  });

  it('begins anew with a server that was started anew, and keeps a minute', () => {
    const history = new StatusHistory();
    for (let second = 0; second < 100; second++) history.add(status(second, second));
    expect(history.moments).toHaveLength(MOMENTS);
    history.add(status(0, 0));
    expect(history.moments).toEqual([]);
  });
});
