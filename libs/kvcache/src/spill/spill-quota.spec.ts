import fc from 'fast-check';
import { SpillQuota } from './spill-quota.js';
import type { SpilledEntry } from './spill-store.js';

const labels = ['', '{"pinned":false}', '{"pinned":true}'];
const worthOf = ({ label }: SpilledEntry): number => labels.indexOf(label);

function entryOf(id: number, owner: string, worth: number, bytes: number): SpilledEntry {
  return {
    id: String(id),
    owner,
    key: new Uint8Array(32),
    from: 0,
    pageTokens: 4,
    length: 0,
    tokens: new Uint32Array(0),
    prefix: 0,
    states: [],
    label: labels[worth],
    bytes,
  };
}

describe('SpillQuota', () => {
  it('keeps to its limit, its totals and its promises, whatever is put, used and deleted', () => {
    const step = fc.record({
      kind: fc.constantFrom('put' as const, 'put' as const, 'touch' as const, 'delete' as const),
      owner: fc.constantFrom('a', 'b', 'c'),
      worth: fc.nat(2),
      bytes: fc.integer({ min: 1, max: 40 }),
      which: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const quota = new SpillQuota(100);
        const held = (owner: string): number =>
          quota.entries().reduce((sum, entry) => sum + (entry.owner === owner ? entry.bytes : 0), 0);
        const sessions = (owner?: string): number =>
          quota
            .entries()
            .filter((entry) => worthOf(entry) > 0 && (owner ?? entry.owner) === entry.owner)
            .reduce((sum, { bytes }) => sum + bytes, 0);
        steps.forEach(({ kind, owner, worth, bytes, which }, i) => {
          const known = quota.entries();
          const id = known[which % Math.max(1, known.length)]?.id;
          if (kind !== 'put') {
            if (id !== undefined) quota[kind](id);
          } else {
            const incoming = entryOf(i, owner, worth, bytes);
            const [own, ownSessions] = [held(owner), sessions(owner)];
            const victims = quota.victims(incoming);
            for (const victim of victims ?? []) {
              // Whoever has less gives up nothing, and what is worth more goes only where its owner has more.
              const isOther = victim.owner !== owner;
              if (isOther) expect(held(victim.owner) >= own || sessions(victim.owner) >= ownSessions).toBe(true);
              if (worthOf(victim) > worth)
                expect([worth > 0, isOther, held(victim.owner) > own || sessions(victim.owner) > ownSessions]).toEqual([
                  true,
                  true,
                  true,
                ]);
              quota.delete(victim.id);
            }
            if (victims) quota.add(incoming);
            else expect(quota.entries()).toEqual(known);
          }
          expect(quota.bytes).toBeLessThanOrEqual(100);
          expect(sessions()).toBeLessThanOrEqual(50);
          quota.checkIntegrity();
        });
      }),
      { numRuns: 300 },
    );
  });

  it('takes what was used longest ago from the owner that has most', () => {
    const quota = new SpillQuota(100);
    for (const [id, owner] of [
      [0, 'a'],
      [1, 'b'],
      [2, 'a'],
      [3, 'b'],
      [4, 'a'],
    ] as const)
      quota.add(entryOf(id, owner, 0, 20));
    quota.touch('0');
    expect(quota.victims(entryOf(5, 'c', 0, 30))?.map(({ id }) => id)).toEqual(['2', '1']);
    expect(quota.victims(entryOf(5, 'b', 0, 30))?.map(({ id }) => id)).toEqual(['1', '2']);
  });

  it('has room for the pages of others, whatever sessions one keeps', () => {
    const quota = new SpillQuota(100);
    const put = (id: number, owner: string, worth: number): boolean => {
      const entry = entryOf(id, owner, worth, 10);
      const victims = quota.victims(entry);
      for (const { id: gone } of victims ?? []) quota.delete(gone);
      if (victims) quota.add(entry);
      return victims !== undefined;
    };
    for (let id = 0; id < 20; id++) put(id, 'hog', 1 + (id % 2));
    const ofHog = () => quota.entries().filter(({ owner }) => owner === 'hog').length;
    expect(ofHog()).toBe(5);
    for (let id = 20; id < 25; id++) expect(put(id, 'other', 0)).toBe(true);
    expect(ofHog()).toBe(5);
    // The next session takes the place of one of the hog's, and of none of the pages.
    expect(put(25, 'other', 1)).toBe(true);
    expect(ofHog()).toBe(4);
    quota.checkIntegrity();
  });
});
