import fc from 'fast-check';
import { KvCache } from './kv-cache.js';
import { KvSequence } from './kv-sequence.js';
import { PageArena } from './page-arena.js';

const filled = (arena: PageArena, tokens: number): KvSequence => {
  const sequence = new KvSequence(arena);
  sequence.reserve(tokens);
  sequence.commit(tokens);
  return sequence;
};

describe('KvSequence', () => {
  it('grows a page at a time', () => {
    const arena = new PageArena({ pageCount: 8, pageTokens: 4 });
    const sequence = new KvSequence(arena);
    expect([...sequence.pages]).toEqual([]);
    for (let i = 0; i < 9; i++) {
      sequence.reserve(1);
      sequence.commit(1);
      expect(sequence.pages).toHaveLength(Math.floor(i / 4) + 1);
    }
    expect(sequence.locate(6)).toEqual({ page: sequence.pages[1], offset: 2 });
    expect(() => sequence.locate(12)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('changes nothing when it cannot reserve all', () => {
    const arena = new PageArena({ pageCount: 3, pageTokens: 4 });
    const sequence = filled(arena, 6);
    expect(() => sequence.reserve(7)).toThrow(expect.objectContaining({ code: 'kv_exhausted' }));
    expect(sequence.pages).toHaveLength(2);
    expect(arena.freePages).toBe(1);
    sequence.reserve(6);
    expect(arena.freePages).toBe(0);
  });

  it('copies a shared last page before it is written, and no other', () => {
    const copies: [number, number][] = [];
    const arena = new PageArena({ pageCount: 8, pageTokens: 4, onCopy: (from, to) => copies.push([from, to]) });
    const parent = filled(arena, 6);
    const fork = parent.fork();
    expect([...fork.pages]).toEqual([...parent.pages]);
    expect(fork.pagesToReserve(1)).toBe(1);
    fork.reserve(1);
    expect(copies).toEqual([[parent.pages[1], fork.pages[1]]]);
    expect(fork.pages[0]).toBe(parent.pages[0]);
    parent.reserve(1);
    expect(copies).toHaveLength(1);
  });

  it('shares full pages for good', () => {
    const arena = new PageArena({ pageCount: 8, pageTokens: 4, onCopy: () => expect('a copy').toBe('not needed') });
    const parent = filled(arena, 8);
    const fork = parent.fork();
    fork.reserve(4);
    parent.reserve(4);
    expect(arena.freePages).toBe(4);
  });

  it('does not let a page be written that was shared after its room was reserved', () => {
    const arena = new PageArena({ pageCount: 8, pageTokens: 4 });
    const parent = filled(arena, 1);
    parent.reserve(1);
    parent.fork();
    expect(() => parent.commit(1)).toThrow(expect.objectContaining({ code: 'internal' }));
    parent.reserve(1);
    parent.commit(1);
    expect(parent.length).toBe(2);
  });

  it('gives pages back when it is cut and when it is released', () => {
    const arena = new PageArena({ pageCount: 8, pageTokens: 4 });
    const sequence = filled(arena, 17);
    sequence.truncate(8);
    expect(arena.freePages).toBe(6);
    sequence.release();
    sequence.release();
    expect(arena.freePages).toBe(8);
    expect(() => sequence.reserve(1)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('keeps its invariants under any use', () => {
    const action = fc.record({
      kind: fc.constantFrom('reserve', 'commit', 'truncate', 'fork', 'release', 'new'),
      which: fc.nat(7),
      amount: fc.nat(20),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 24 }),
        fc.array(action, { maxLength: 60 }),
        (pageTokens, pageCount, actions) => {
          const arena = new PageArena({ pageCount, pageTokens, bytesPerPage: 64 });
          let live = [new KvSequence(arena)];
          for (const { kind, which, amount } of actions) {
            const sequence = live[which % live.length];
            const before = arena.freePages;
            if (kind === 'new' || sequence === undefined) live.push(new KvSequence(arena));
            else if (kind === 'fork') live.push(sequence.fork());
            else if (kind === 'release') sequence.release();
            else if (kind === 'truncate') sequence.truncate(Math.min(amount, sequence.length));
            else if (sequence.pagesToReserve(amount) > before)
              expect(() => sequence.reserve(amount)).toThrow(expect.objectContaining({ code: 'kv_exhausted' }));
            else {
              const asked = sequence.pagesToReserve(amount);
              sequence.reserve(amount);
              expect(before - arena.freePages).toBe(asked);
              if (kind === 'commit') sequence.commit(amount);
            }
            live = live.filter((one) => !one.isReleased);
            for (const one of live) one.checkIntegrity();
            arena.checkIntegrity(live.map((one) => one.pages));
            const { allocatedBytes, freeBytes, fragmentedBytes } = arena.statistics();
            expect(allocatedBytes + freeBytes).toBe(pageCount * 64);
            expect(fragmentedBytes).toBeLessThanOrEqual(allocatedBytes);
          }
          for (const one of live) one.release();
          expect(arena.freePages).toBe(pageCount);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('pages that were filled elsewhere', () => {
  const tokens = Uint32Array.from({ length: 10 }, (_, i) => i);
  const allocate = ({ arena }: KvCache, count: number): number[] =>
    Array.from({ length: count }, () => arena.allocate());

  it('are taken over by the cache, which gives back those that it has', () => {
    const cache = new KvCache({ pageCount: 8, pageTokens: 4 });
    const pages = allocate(cache, 3);
    expect(cache.adopt('key', tokens, pages)).toBe(10);
    const { kv, miss } = cache.match('key', tokens, 10);
    expect([[...kv.pages], kv.length, miss]).toEqual([pages, 10, undefined]);
    expect(cache.adopt('key', Uint32Array.of(0, 1, 2, 3, 9), allocate(cache, 2))).toBe(5);
    expect(cache.arena.freePages).toBe(4);
    cache.checkIntegrity([kv.pages]);
    kv.release();
    expect(cache.evict(8)).toBe(4);
    expect(cache.arena.freePages).toBe(8);
  });

  it("stay the caller's where they do not fit the tokens", () => {
    const cache = new KvCache({ pageCount: 8, pageTokens: 4 });
    const pages = allocate(cache, 2);
    expect(() => cache.adopt('key', tokens, pages)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { pages: 2, needed: 3 } }),
    );
    for (const page of pages) cache.arena.release(page);
    expect(cache.arena.freePages).toBe(8);
  });
});
