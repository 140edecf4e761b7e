import fc from 'fast-check';
import { FairQueue } from './fair-queue.js';

const item = (tenant: string, name: string, priority = 0) => ({ tenant, name, priority });
const drain = (queue: FairQueue<ReturnType<typeof item>>): string[] => {
  const names: string[] = [];
  for (let next = queue.shift(); next; next = queue.shift()) names.push(next.name);
  return names;
};

describe('FairQueue', () => {
  it('lets tenants take turns, each in order of arrival', () => {
    const queue = new FairQueue<ReturnType<typeof item>>();
    for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) queue.push(item(name[0], name));
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('takes higher priorities first, whoever they belong to', () => {
    const queue = new FairQueue<ReturnType<typeof item>>();
    queue.push(item('a', 'low', -1));
    queue.push(item('a', 'usual'));
    queue.push(item('b', 'high', 5));
    expect(queue.peek()?.name).toBe('high');
    expect(drain(queue)).toEqual(['high', 'usual', 'low']);
  });

  it('gives a tenant of weight 2 two turns for one', () => {
    const queue = new FairQueue<ReturnType<typeof item>>();
    for (let i = 0; i < 6; i++) for (const tenant of ['a', 'b']) queue.push(item(tenant, tenant));
    const order: string[] = [];
    for (let i = 0; i < 6; i++) order.push(queue.shift(queue.peek()?.tenant === 'a' ? 2 : 1)?.name ?? '');
    expect(order.filter((name) => name === 'a')).toHaveLength(4);
  });

  it('does not let one who sends single items get ahead of one who has many', () => {
    const queue = new FairQueue<ReturnType<typeof item>>();
    for (let i = 0; i < 10; i++) queue.push(item('many', 'many'));
    const order: string[] = [];
    for (let i = 0; i < 8; i++) {
      if (![...queue].some(({ tenant }) => tenant === 'single')) queue.push(item('single', 'single'));
      order.push(queue.shift()?.name ?? '');
    }
    expect(order.filter((name) => name === 'many')).toHaveLength(4);
  });

  it('gives back each item once, however it is used', () => {
    const action = fc.record({ kind: fc.constantFrom('push', 'push', 'shift', 'remove'), tenant: fc.constantFrom('a', 'b', 'c'), priority: fc.integer({ min: 0, max: 2 }), which: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const queue = new FairQueue<ReturnType<typeof item>>();
        const inside = new Set<ReturnType<typeof item>>();
        for (const { kind, tenant, priority, which } of actions) {
          if (kind === 'push') {
            const pushed = item(tenant, tenant, priority);
            queue.push(pushed);
            inside.add(pushed);
          } else if (kind === 'remove') {
            const removed = [...inside][which];
            if (removed) expect([queue.remove(removed), queue.remove(removed)]).toEqual([true, false]);
            inside.delete(removed);
          } else {
            const expected = queue.peek();
            const taken = queue.shift();
            expect(taken).toBe(expected);
            expect(taken === undefined).toBe(inside.size === 0);
            if (taken) {
              expect(inside.delete(taken)).toBe(true);
              expect(taken.priority).toBe(Math.max(taken.priority, ...[...inside].map((one) => one.priority)));
            }
          }
          expect(queue.length).toBe(inside.size);
          expect(new Set(queue)).toEqual(inside);
        }
      }),
    );
  });
});
