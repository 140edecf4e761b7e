import { jest } from '@jest/globals';
import fc from 'fast-check';
import { KvCache } from './kv-cache.js';
import { KvSequence } from './kv-sequence.js';
import type { SessionTable, SessionTableOptions } from './session-table.js';
import type { Session } from './session.js';

const PAGE_TOKENS = 4;

/** A cache, a clock, and what a request would do. */
function setUp({ pageCount = 16, ...sessions }: SessionTableOptions & { readonly pageCount?: number } = {}) {
  const time = { now: 1000 };
  const cache = new KvCache({ pageCount, pageTokens: PAGE_TOKENS, sessions: { now: () => time.now, ...sessions } });
  const table: SessionTable = cache.sessions;
  /** Computes tokens as a sequence of their own, and leaves them in the cache. */
  const compute = (key: string, tokens: readonly number[]): void => {
    const found = cache.match(key, tokens, tokens.length - 1);
    const rest = tokens.length - found.kv.length;
    cache.evict(found.kv.pagesToReserve(rest) - cache.arena.freePages);
    found.kv.reserve(rest);
    found.kv.commit(rest);
    cache.takeCopies();
    cache.donate(key, Uint32Array.from(tokens), found.kv, { partial: true });
    found.kv.release();
  };
  const ask = (tenant: string, id: string | undefined, tokens: readonly number[], isProvisional = false): Session => {
    const session = table.acquire(tenant, id, { cacheKey: tenant, isProvisional });
    const all = [...session.tokens, ...tokens];
    compute(tenant, all);
    table.settle(session, Uint32Array.from(all));
    return session;
  };
  const cached = (key: string, tokens: ArrayLike<number>): number => {
    const { kv } = cache.match(key, tokens, tokens.length);
    const { length } = kv;
    kv.release();
    return length;
  };
  return { time, cache, table, compute, ask, cached };
}

const run = (length: number, seed: number): number[] => Array.from({ length }, (_, i) => seed * 100 + i);

describe('sessions', () => {
  it('go on from request to request, by name, each for its own tenant', () => {
    const { table, ask } = setUp();
    ask('a', 'chat', [1, 2, 3]);
    ask('b', 'chat', [9]);
    expect([...ask('a', 'chat', [4, 5]).tokens]).toEqual([1, 2, 3, 4, 5]);
    expect([...table.get('b', 'chat').tokens]).toEqual([9]);
    expect(table.list('a').map(({ id }) => id)).toEqual(['chat']);
    expect(table.size).toBe(2);
  });

  it('of another tenant do not exist, whatever is done with their names', () => {
    const { table, ask } = setUp();
    const { id } = ask('a', undefined, [1, 2]);
    const missing = expect.objectContaining({ code: 'not_found' }) as Error;
    for (const attempt of [
      () => table.get('b', id),
      () => table.close('b', id),
      () => table.fork('b', id),
      () => table.rewind('b', id, 0),
      () => table.update('b', id, { isPinned: true }),
      () => table.acquire('b', id, { cacheKey: 'b' }),
    ]) {
      expect(attempt).toThrow(missing);
    }
    expect(table.list('b')).toEqual([]);
    expect([...table.get('a', id).tokens]).toEqual([1, 2]);
  });

  it('take one request at a time, and are as before when it comes to nothing', () => {
    const { table, ask } = setUp();
    ask('a', 'chat', [1, 2]);
    const session = table.acquire('a', 'chat', { cacheKey: 'a' });
    expect(() => table.acquire('a', 'chat', { cacheKey: 'a' })).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect(() => table.rewind('a', 'chat', 0)).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect([...table.fork('a', 'chat', { as: 'other' }).tokens]).toEqual([1, 2]);
    table.abandon(session);
    expect([...table.get('a', 'chat').tokens]).toEqual([1, 2]);
    table.abandon(table.acquire('a', 'new', { cacheKey: 'a' }));
    expect(() => table.get('a', 'new')).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('are forked and rewound by sharing what is there', () => {
    const { table, ask, cached, cache } = setUp();
    ask('a', 'chat', run(10, 1));
    const pages = cache.statistics().cachedPages;
    const fork = table.fork('a', 'chat', { position: 6 });
    ask('a', fork.id, [7, 7, 7]);
    expect([...table.get('a', fork.id).tokens]).toEqual([...run(6, 1), 7, 7, 7]);
    expect([...table.rewind('a', 'chat', 8).tokens]).toEqual(run(8, 1));
    expect(cached('a', run(10, 1))).toBe(10);
    expect(cache.statistics().cachedPages).toBe(pages + 2);
    expect(() => table.rewind('a', 'chat', 9)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => table.fork('a', 'chat', { as: fork.id })).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('close after their time without use, unless they are pinned', () => {
    const { table, ask, time } = setUp({ idleMs: 100 });
    for (const name of ['short', 'used', 'pinned', 'long']) ask('a', name, [1]);
    table.update('a', 'pinned', { isPinned: true });
    table.update('a', 'long', { idleMs: 1000 });
    time.now += 60;
    ask('a', 'used', [2]);
    time.now += 60;
    expect(
      table
        .list('a')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['long', 'pinned', 'used']);
    time.now += 2000;
    expect(table.list('a').map(({ id }) => id)).toEqual(['pinned']);
    table.update('a', 'pinned', { isPinned: false });
    time.now += 101;
    expect(table.size).toBe(0);
  });

  it('stay when the system’s clock jumps', () => {
    const { table, ask } = setUp({ now: undefined, idleMs: 3_600_000 });
    ask('a', 'chat', [1]);
    const jump = jest.spyOn(Date, 'now');
    for (const days of [400, -400]) {
      jump.mockReturnValue(new Date().getTime() + days * 86_400_000);
      expect(table.list('a')).toHaveLength(1);
    }
    jump.mockRestore();
  });

  it('keep to the limit of their tenant: the one used longest ago closes, never one that is pinned or in use', () => {
    const { table, ask } = setUp({ limit: 2 });
    ask('a', 'one', [1]);
    ask('a', 'two', [1]);
    ask('a', 'one', [1]);
    ask('a', 'three', [1]);
    ask('b', 'one', [1]);
    expect(table.list('a').map(({ id }) => id)).toEqual(['one', 'three']);
    table.update('a', 'one', { isPinned: true });
    const busy = table.acquire('a', 'three', { cacheKey: 'a' });
    expect(() => ask('a', 'four', [1])).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    table.abandon(busy);
    ask('a', 'four', [1]);
    expect(table.list('a').map(({ id }) => id)).toEqual(['one', 'four']);
  });

  it('made unasked push out none but their like, until somebody goes on from them', () => {
    const { table, ask } = setUp({ limit: 4 });
    ask('a', 'named', [1]);
    const first = ask('a', undefined, [1], true).id;
    const second = ask('a', undefined, [1], true).id;
    expect(table.list('a').map(({ id }) => id)).toEqual(['named', second]);
    ask('a', second, [2]);
    ask('a', undefined, [1], true);
    expect(
      table
        .list('a')
        .map(({ id }) => id)
        .slice(0, 2),
    ).toEqual(['named', second]);
    expect(() => ask('a', first, [1])).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('that are pinned keep their pages as long as any other can go', () => {
    const { table, ask, cached, compute, cache } = setUp({ pageCount: 8 });
    ask('a', 'kept', run(8, 1));
    table.update('a', 'kept', { isPinned: true });
    for (let i = 2; i < 8; i++) compute('a', run(16, i));
    expect(cached('a', run(8, 1))).toBe(8);
    expect(cache.statistics().evictedSessions).toBe(0);
    compute('a', run(32, 9));
    expect(cached('a', run(8, 1))).toBeLessThan(8);
    expect(cache.statistics().evictedSessions).toBe(1);
  });

  it('refuse names that are none, and the salt of another division', () => {
    const { table, ask } = setUp();
    ask('a', 'chat', [1]);
    for (const name of ['', 'x'.repeat(257)])
      expect(() => table.acquire('a', name, { cacheKey: 'a' })).toThrow(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    expect(() => table.acquire('a', 'chat', { cacheKey: 'a/salt' })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
  });

  it('hold what a list of tokens each would hold, whatever is done', () => {
    const name = fc.constantFrom('x', 'y', 'z');
    const tenant = fc.constantFrom('a', 'b');
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('ask' as const),
        tenant,
        name,
        length: fc.integer({ min: 1, max: 9 }),
        seed: fc.nat(3),
      }),
      fc.record({ kind: fc.constantFrom('fork' as const, 'rewind' as const), tenant, name, at: fc.nat(100) }),
      fc.record({ kind: fc.constantFrom('close' as const, 'pin' as const, 'unpin' as const), tenant, name }),
      fc.record({
        kind: fc.constant('compute' as const),
        tenant,
        length: fc.integer({ min: 1, max: 24 }),
        seed: fc.nat(3),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { table, ask, compute, cache } = setUp({ pageCount: 12 });
        const model = new Map<string, number[]>();
        for (const one of steps) {
          if (one.kind === 'compute') compute(one.tenant, run(one.length, one.seed));
          else {
            const key = `${one.tenant} ${one.name}`;
            const known = model.get(key);
            const act = (): void => {
              if (one.kind === 'ask') {
                if ((known?.length ?? 0) + one.length > 12 * PAGE_TOKENS) return;
                ask(one.tenant, one.name, run(one.length, one.seed));
                model.set(key, [...(known ?? []), ...run(one.length, one.seed)]);
              } else if (one.kind === 'fork') {
                const position = one.at % ((known?.length ?? 0) + 1);
                const fork = table.fork(one.tenant, one.name, { position });
                model.set(`${one.tenant} ${fork.id}`, (known ?? []).slice(0, position));
              } else if (one.kind === 'rewind') {
                const position = one.at % ((known?.length ?? 0) + 1);
                table.rewind(one.tenant, one.name, position);
                model.set(key, (known ?? []).slice(0, position));
              } else if (one.kind === 'close') {
                table.close(one.tenant, one.name);
                model.delete(key);
              } else table.update(one.tenant, one.name, { isPinned: one.kind === 'pin' });
            };
            if (known === undefined && one.kind !== 'ask')
              expect(act).toThrow(expect.objectContaining({ code: 'not_found' }));
            else act();
          }
          cache.checkIntegrity([]);
        }
        const held = ['a', 'b'].flatMap((owner) =>
          table.list(owner).map(({ id, tokens }) => [`${owner} ${id}`, [...tokens]] as const),
        );
        expect(new Map(held)).toEqual(model);
        cache.evict(12);
        expect(cache.arena.freePages).toBe(12);
        cache.checkIntegrity([]);
      }),
      { numRuns: 300 },
    );
  });

  it('give a request pages that hold what the session holds', () => {
    const { cache, ask, table } = setUp();
    ask('a', 'chat', run(9, 1));
    const { kv } = cache.match('a', table.get('a', 'chat').tokens, 9);
    expect(kv).toBeInstanceOf(KvSequence);
    expect(kv.length).toBe(9);
    kv.release();
  });
});
