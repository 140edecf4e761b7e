import { jest } from '@jest/globals';
import { FakeOwner } from '../test/fake-owner.js';
import { ScheduledSequence } from './sequence.js';

/** Reads of sequences' state while one step of `count` decoding sequences of 8 tenants is planned, with as many waiting. */
function readsToPlan(count: number): number {
  const owner = new FakeOwner({ pageCount: 4096, maxBatchTokens: 512, maxSequences: count, queueLimit: 1000 });
  for (let i = 0; i < 2 * count; i++) owner.submit({ id: `r${i}`, tokens: [1, 2, 3, i], tenant: `t${i % 8}` }, 50);
  for (let i = 0; i < 5; i++) owner.step();
  const spies = (['pending', 'computed', 'isDecoding'] as const).map((name) =>
    jest.spyOn(ScheduledSequence.prototype, name, 'get'),
  );
  owner.scheduler.plan();
  const reads = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  for (const spy of spies) spy.mockRestore();
  return reads;
}

describe('planning a step', () => {
  it('looks at each of 64 sequences a bounded number of times, and at twice as many sequences twice as often', () => {
    expect(readsToPlan(64)).toBeLessThan(64 * 20);
    expect(readsToPlan(128)).toBeLessThan(2.2 * readsToPlan(64));
  });
});
