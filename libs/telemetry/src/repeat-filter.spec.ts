import { RepeatFilter } from './repeat-filter.js';

describe('lines that repeat', () => {
  it('are written a few times in an interval, and then with how many were left out', () => {
    let now = 0;
    const filter = new RepeatFilter({ limit: 2, intervalMs: 100, clock: () => now });
    const admitted = (kind: string) => filter.admit(kind)?.skipped;
    expect([1, 2, 3, 4].map(() => admitted('a'))).toEqual([0, 0, undefined, undefined]);
    expect(admitted('b')).toBe(0);
    now = 100;
    expect([1, 2, 3].map(() => admitted('a'))).toEqual([2, 0, undefined]);
  });

  it('take a bounded memory, however many kinds there are', () => {
    const filter = new RepeatFilter({ limit: 1, clock: () => 0 });
    for (let i = 0; i < 5000; i++) expect(filter.admit(`kind ${i}`)).toEqual({ skipped: 0 });
    expect(filter.admit('kind 4999')).toBeUndefined();
    expect(filter.admit('kind 0')).toEqual({ skipped: 0 });
  });
});
