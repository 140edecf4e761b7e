import fc from 'fast-check';
import { FairQueue, type QueueItem } from './fair-queue.js';
import { FairShares } from './fair-shares.js';

interface Named extends QueueItem {
  readonly name: string;
}
const item = (tenant: string, name: string, more: Partial<QueueItem> = {}): Named => ({
  tenant,
  name,
  session: '',
  priority: 0,
  promptTokens: 1,
  cachedTokens: 0,
  ...more,
});

/** A queue whose items cost their holders one each when they are taken. */
function queueOf(items: readonly Named[], weightOf: (tenant: string) => number = () => 1) {
  const shares = new FairShares();
  const queue = new FairQueue<Named>(shares);
  const push = (one: Named): void => {
    shares.enter(one, weightOf(one.tenant));
    queue.push(one);
  };
  const next = (): string | undefined => {
    const one = queue.peek();
    if (one === undefined) return undefined;
    queue.take(one);
    shares.charge(one, 1);
    return one.name;
  };
  const drain = (count = Infinity): string[] => {
    const names: string[] = [];
    for (let name; names.length < count && (name = next()) !== undefined; ) names.push(name);
    return names;
  };
  items.forEach(push);
  return { queue, shares, push, next, drain };
}

describe('FairQueue', () => {
  it('lets tenants take turns, each in order of arrival', () => {
    expect(queueOf(['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((name) => item(name[0], name))).drain()).toEqual([
      'a1',
      'b1',
      'c1',
      'a2',
      'b2',
      'a3',
      'a4',
    ]);
  });

  it('takes higher priorities first, whoever they belong to', () => {
    const { drain } = queueOf([
      item('a', 'low', { priority: -1 }),
      item('a', 'usual'),
      item('b', 'high', { priority: 5 }),
    ]);
    expect(drain()).toEqual(['high', 'usual', 'low']);
  });

  it('gives a tenant of weight 2 two turns for one', () => {
    const items = Array.from({ length: 6 }, () => ['a', 'b'].map((tenant) => item(tenant, tenant))).flat();
    expect(
      queueOf(items, (tenant) => (tenant === 'a' ? 2 : 1))
        .drain(6)
        .filter((name) => name === 'a'),
    ).toHaveLength(4);
  });

  it('lets the sessions of a tenant take turns, whatever one of them sends', () => {
    const { drain } = queueOf(['x1', 'x2', 'x3', 'y1'].map((name) => item('a', name, { session: name[0] })));
    expect(drain()).toEqual(['x1', 'y1', 'x2', 'x3']);
  });

  it('takes the longest cached prefix of a session first, and lets nobody be overtaken for ever', () => {
    const { drain, push, next } = queueOf([
      item('a', 'cold'),
      item('a', 'warm', { cachedTokens: 10 }),
      item('a', 'warmer', { cachedTokens: 20 }),
    ]);
    expect(drain()).toEqual(['warmer', 'warm', 'cold']);
    push(item('a', 'cold'));
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 12; i++) {
      push(item('a', 'warm', { cachedTokens: 5 }));
      order.push(next());
    }
    expect(order.indexOf('cold')).toBe(8);
  });

  it('passes over tenants that may not start, and their turn is not lost', () => {
    const { queue } = queueOf([item('a', 'a1'), item('b', 'b1')]);
    expect(queue.peek((tenant) => tenant !== 'a')?.name).toBe('b1');
    expect(queue.peek(() => false)).toBeUndefined();
    expect(queue.peek()?.name).toBe('a1');
  });

  it('gives back each item once, and counts what waits, however it is used', () => {
    const action = fc.record({
      kind: fc.constantFrom('push', 'push', 'take', 'remove'),
      tenant: fc.constantFrom('a', 'b', 'c'),
      session: fc.constantFrom('', 's'),
      priority: fc.integer({ min: 0, max: 2 }),
      promptTokens: fc.nat(9),
      cachedTokens: fc.nat(9),
      which: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const { queue, push } = queueOf([]);
        const inside = new Set<Named>();
        for (const { kind, which, ...more } of actions) {
          if (kind === 'push') {
            const pushed = item(more.tenant, more.tenant, more);
            push(pushed);
            inside.add(pushed);
          } else if (kind === 'remove') {
            const removed = [...inside][which];
            if (removed) expect([queue.remove(removed), queue.remove(removed)]).toEqual([true, false]);
            inside.delete(removed);
          } else {
            const next = queue.peek();
            if (next) {
              expect(next.priority).toBe(Math.max(...[...inside].map(({ priority }) => priority)));
              queue.take(next);
              expect(inside.delete(next)).toBe(true);
            }
          }
          queue.checkIntegrity();
          expect(queue.length).toBe(inside.size);
          expect(new Set(queue)).toEqual(inside);
        }
      }),
    );
  });
});
