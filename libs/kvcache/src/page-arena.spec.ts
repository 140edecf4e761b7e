import { KvSequence } from './kv-sequence.js';
import { PageArena } from './page-arena.js';

describe('PageArena', () => {
  it('hands out every page once, then refuses with figures', () => {
    const arena = new PageArena({ pageCount: 3, pageTokens: 4 });
    expect([arena.allocate(), arena.allocate(), arena.allocate()]).toEqual([0, 1, 2]);
    expect(() => arena.allocate()).toThrow(
      expect.objectContaining({
        code: 'kv_exhausted',
        details: { pages: 1, freePages: 0, pageCount: 3, pageTokens: 4 },
      }),
    );
    arena.release(1);
    expect(arena.allocate()).toBe(1);
    arena.checkIntegrity();
  });

  it('frees a page with its last holder', () => {
    const arena = new PageArena({ pageCount: 1, pageTokens: 4 });
    const page = arena.allocate();
    arena.retain(page);
    arena.release(page);
    expect(arena.freePages).toBe(0);
    arena.release(page);
    expect(arena.freePages).toBe(1);
  });

  it('takes a free page, or one that is none, for a bug', () => {
    const arena = new PageArena({ pageCount: 1, pageTokens: 4 });
    for (const misuse of [
      () => arena.release(0),
      () => arena.retain(0),
      () => arena.release(1),
      () => arena.holdersOf(-1),
      () => arena.setFilled(0, 1),
    ]) {
      expect(misuse).toThrow(expect.objectContaining({ code: 'internal' }));
    }
  });

  it.each([
    { pageCount: 0, pageTokens: 4 },
    { pageCount: 2, pageTokens: 1.5 },
  ])('refuses to be cut as %j', (options) => {
    expect(() => new PageArena(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('tells allocated, free and fragmented bytes', () => {
    const arena = new PageArena({ pageCount: 10, pageTokens: 4, bytesPerPage: 100 });
    const sequence = new KvSequence(arena);
    sequence.reserve(9);
    sequence.commit(5);
    const fork = sequence.fork();
    expect(arena.statistics()).toEqual({
      pageCount: 10,
      freePages: 7,
      cachedPages: 0,
      sharedPages: 2,
      allocatedBytes: 300,
      freeBytes: 700,
      fragmentedBytes: 175,
    });
    fork.release();
    sequence.release();
    expect(arena.statistics()).toEqual({
      pageCount: 10,
      freePages: 10,
      cachedPages: 0,
      sharedPages: 0,
      allocatedBytes: 0,
      freeBytes: 1000,
      fragmentedBytes: 0,
    });
  });

  it('notices a table that names a page it does not hold', () => {
    const arena = new PageArena({ pageCount: 4, pageTokens: 4 });
    const page = arena.allocate();
    arena.checkIntegrity([[page]]);
    expect(() => arena.checkIntegrity([[page], [page]])).toThrow(expect.objectContaining({ code: 'internal' }));
    expect(() => arena.checkIntegrity([])).toThrow('in 0 tables');
  });
});
