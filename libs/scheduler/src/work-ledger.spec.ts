import fc from 'fast-check';
import { FairShares } from './fair-shares.js';
import { WorkLedger } from './work-ledger.js';

const holder = (tenant: string, session = '') => ({ tenant, session });

describe('WorkLedger', () => {
  it('charges all of a step and no more, however it is shared', () => {
    const part = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      startPosition: fc.nat(1000),
      tokens: fc.integer({ min: 1, max: 64 }),
      isComplete: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        (list, ms) => {
          const shares = new FairShares();
          const ledger = new WorkLedger(shares);
          const parts = list.map(({ tenant, ...more }) => ({ holder: holder(tenant), ...more }));
          for (const { holder: one, startPosition, tokens } of parts) {
            shares.enter(one, 1);
            ledger.admitted(one, startPosition, 2 * tokens);
          }
          ledger.stepped(parts, ms);
          for (const { holder: one } of parts) ledger.refund(one);
          const total = ['a', 'b', 'c']
            .filter((tenant) => parts.some((one) => one.holder.tenant === tenant))
            .reduce((sum, tenant) => sum + shares.expectedOf(tenant), 0);
          expect(total).toBeCloseTo(ms, 6);
          expect(ledger.reserved).toBe(0);
        },
      ),
    );
  });

  it('counts an admitted prompt against its tenant until it is computed, and gives back what was not needed', () => {
    const shares = new FairShares();
    const ledger = new WorkLedger(shares);
    const [a, b] = [holder('a'), holder('b')];
    for (const one of [a, b]) shares.enter(one, 1);
    ledger.admitted(a, 0, 100);
    expect([shares.expectedOf('a'), shares.lead(a, b)]).toEqual([100, 0]);
    ledger.stepped([{ holder: a, startPosition: 0, tokens: 40, isComplete: false }], 40);
    expect([shares.expectedOf('a'), shares.lead(a, b)]).toEqual([100, 40]);
    ledger.refund(a);
    expect([shares.expectedOf('a'), shares.lead(a, b)]).toEqual([40, 40]);
  });

  it('charges nobody for what a step stood still for others', () => {
    const shares = new FairShares();
    const ledger = new WorkLedger(shares);
    const [a, b] = [holder('a'), holder('b')];
    for (const one of [a, b]) shares.enter(one, 1);
    const parts = [a, b].map((one) => ({ holder: one, startPosition: 0, tokens: 1, isComplete: true }));
    ledger.stepped(parts, 100, 70);
    expect([shares.servedOf('a'), shares.servedOf('b')]).toEqual([15, 15]);
    ledger.stepped(parts, 10, 10);
    expect(shares.servedOf('a')).toBe(15);
  });

  it('asks little for cached tokens', () => {
    const shares = new FairShares();
    const ledger = new WorkLedger(shares, 0.05);
    shares.enter(holder('a'), 1);
    ledger.cached(holder('a'), 1000);
    expect(shares.expectedOf('a')).toBeCloseTo(50);
  });
});

describe('FairShares', () => {
  it('lifts who comes back to the least of those that are active, and keeps a counter above that', () => {
    const shares = new FairShares();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => holder(name));
    shares.enter(a, 1);
    shares.charge(a, 100);
    shares.enter(b, 2);
    expect(shares.expectedOf('b')).toBe(100);
    shares.charge(b, 100);
    expect(shares.lead(b, a)).toBe(50);
    shares.leave(b);
    shares.enter(b, 2);
    expect(shares.expectedOf('b')).toBe(150);
    shares.leave(a);
    shares.leave(b);
    shares.enter(c, 1);
    expect(shares.expectedOf('c')).toBe(150);
  });

  it('forgets idle tenants, so that names cost no memory for ever', () => {
    const shares = new FairShares();
    shares.enter(holder('busy'), 1);
    for (let i = 0; i < 10_000; i++) {
      shares.enter(holder(`t${i}`), 1);
      shares.leave(holder(`t${i}`));
      shares.checkIntegrity();
    }
    expect(shares.size).toBeLessThan(200);
  });
});
