import { KvCache } from './kv-cache.js';
import type { KvSequence } from './kv-sequence.js';
import type { PageBytes } from './ports.js';
import { MemorySpillStore } from './spill/memory-spill-store.js';

const PAGE_TOKENS = 4;
const WINDOW = 6;
const PAGES = 40;
const KEY = 'k';

const tokensOf = (length: number, seed = 0): Uint32Array => Uint32Array.from({ length }, (_, i) => 1 + i + 100 * seed);

/** Pages of one byte for each token, in which a step writes the tokens. */
function setUp(windowPages: number, store?: MemorySpillStore) {
  const bytes = new Uint8Array((PAGES + windowPages) * PAGE_TOKENS);
  const part = (page: number): Uint8Array => bytes.subarray(page * PAGE_TOKENS, (page + 1) * PAGE_TOKENS);
  const pages: PageBytes = {
    pageBytes: PAGE_TOKENS,
    windowPageBytes: PAGE_TOKENS,
    readPage: (page, into) => Promise.resolve(into.set(part(page))),
    writePage: (page, from) => Promise.resolve(part(page).set(from)),
    copyPage: (from, to) => Promise.resolve(part(to).set(part(from))),
  };
  const cache = new KvCache({
    pageCount: PAGES,
    pageTokens: PAGE_TOKENS,
    windowed: { pageCount: windowPages, window: WINDOW },
    pages,
    ...(store && { spill: { store } }),
  });
  const step = (kv: KvSequence, tokens: Uint32Array, count: number): void => {
    expect(cache.makeRoom(kv, count)).toBe(0);
    kv.reserve(count);
    for (const [from, to] of cache.takeCopies()) part(to).set(part(from));
    for (let position = kv.length; position < kv.length + count; position++) {
      const at = Math.floor(position / PAGE_TOKENS);
      for (const page of [kv.pages[at], PAGES + kv.windows!.pages[at]])
        part(page)[position % PAGE_TOKENS] = tokens[position];
    }
    kv.commit(count);
    cache.slide(KEY, () => tokens, kv);
    cache.checkIntegrity([kv.pages], [kv.windows!.pages]);
  };
  /** Computes some tokens, as a request does, and leaves them to the cache. */
  const compute = (tokens: Uint32Array, chunk = 8): number => {
    const { kv } = cache.match(KEY, tokens, tokens.length - 1);
    const known = kv.length;
    while (kv.length < tokens.length) step(kv, tokens, Math.min(chunk, tokens.length - kv.length));
    cache.donate(KEY, tokens, kv, { partial: true });
    kv.release();
    return known;
  };
  /** What windowed layers see of the beginning of some tokens that is found. */
  const seen = (tokens: Uint32Array): number[] => {
    const { kv } = cache.match(KEY, tokens, tokens.length - 1);
    const from = Math.max(0, kv.length - WINDOW + 1);
    const found = Array.from(
      { length: kv.length - from },
      (_, i) => part(PAGES + kv.windows!.pages[Math.floor((from + i) / PAGE_TOKENS)])[(from + i) % PAGE_TOKENS],
    );
    expect(found).toEqual(Array.from(tokens.subarray(from, kv.length)));
    kv.release();
    return found;
  };
  return { cache, step, compute, seen };
}

describe('pages of windowed layers', () => {
  it('are held for the window alone, however long a sequence gets', () => {
    const { cache, step } = setUp(5);
    const tokens = tokensOf(140);
    const kv = cache.newSequence();
    for (let i = 0; i < 140; i++) {
      step(kv, tokens, 1);
      expect(kv.windows!.pages.filter((page) => page >= 0).length).toBeLessThanOrEqual(3);
    }
    expect(kv.pages).toHaveLength(35);
    expect(cache.windows!.arena.statistics()).toMatchObject({ pageCount: 5 });
    kv.release();
    expect(cache.windows!.arena.freePages + cache.windows!.arena.evictablePages).toBe(5);
  });

  it('are kept for prompts that begin alike, as long as there is room', () => {
    const { compute, seen } = setUp(30);
    expect(compute(tokensOf(60))).toBe(0);
    expect(seen(tokensOf(80))).toHaveLength(WINDOW - 1);
    // It branches off where a window slid out of a sequence that has ended.
    const parted = Uint32Array.from([...tokensOf(31), ...tokensOf(20, 1)]);
    expect(seen(parted)).toHaveLength(WINDOW - 1);
    expect(compute(parted)).toBe(31);
  });

  it('go when there is none: a prompt then begins where what it sees is there, and says why', () => {
    const { cache, compute, seen } = setUp(9);
    compute(tokensOf(60));
    compute(tokensOf(20, 2));
    const parted = Uint32Array.from([...tokensOf(31), ...tokensOf(20, 1)]);
    const { kv, miss } = cache.match(KEY, parted, 50);
    expect(miss).toEqual({ reason: 'window', position: kv.length });
    expect(kv.length).toBeLessThan(31);
    kv.release();
    seen(parted);
    // Once computed again, they are there again.
    compute(parted);
    expect(seen(Uint32Array.from([...parted, 7]))).toHaveLength(WINDOW - 1);
    expect(cache.statistics().evictedPages).toBe(0);
  });

  it('come back from slower storage with the others, also where only they are gone', async () => {
    const store = new MemorySpillStore(1e6);
    const long = tokensOf(60);
    const first = setUp(30, store);
    first.compute(long);
    await first.cache.spillAll();
    const { cache, compute, seen } = setUp(12, store);
    const restore = (): Promise<void> =>
      new Promise((resolve) => expect(cache.restore(KEY, long, 60, resolve)).toBeDefined());
    await restore();
    expect(cache.known(KEY, long)).toBe(60);
    seen(tokensOf(70));
    compute(tokensOf(60, 2));
    expect(cache.statistics().evictedPages).toBe(0);
    expect(cache.known(KEY, long)).toBeLessThan(60);
    await restore();
    expect(cache.known(KEY, long)).toBe(60);
    seen(tokensOf(70));
    cache.checkIntegrity([]);
  });

  it('are written to records and read from them: at the end of a prompt all is there', async () => {
    const from = setUp(30);
    from.compute(tokensOf(60));
    const copy = await from.cache.copyOut(KEY, tokensOf(60));
    expect(copy.pages.every(({ length }) => length === PAGE_TOKENS + 1 + PAGE_TOKENS)).toBe(true);
    const to = setUp(4);
    expect(await to.cache.copyIn(KEY, copy)).toBe(60);
    expect(to.seen(tokensOf(70))).toHaveLength(WINDOW - 1);
    to.cache.checkIntegrity([]);
    // What a record has not got is not offered.
    const hollow = {
      ...copy,
      pages: copy.pages.map((page, i) =>
        i === 14 ? Uint8Array.from(page, (byte, at) => (at === PAGE_TOKENS ? 0 : byte)) : page,
      ),
    };
    const other = setUp(4);
    expect(await other.cache.copyIn(KEY, hollow)).toBeLessThan(60);
    other.cache.checkIntegrity([]);
  });

  describe('beside what all share', () => {
    /** Keys that begin with `a` share the first 10 of these tokens, of which pages 1 and 2 are seen from the end. */
    const shared = tokensOf(10);
    const setUpShared = () => {
      const cache = new KvCache({
        pageCount: PAGES,
        pageTokens: PAGE_TOKENS,
        windowed: { pageCount: 8, window: WINDOW },
      });
      const begin = (key: string, tokens: Uint32Array): KvSequence => {
        const { kv } = cache.match(key, tokens, tokens.length);
        expect(cache.makeRoom(kv, tokens.length - kv.length)).toBe(0);
        kv.reserve(tokens.length - kv.length);
        kv.commit(tokens.length - kv.length);
        return kv;
      };
      const leave = (key: string, tokens: Uint32Array, kv: KvSequence): void => {
        cache.donate(key, tokens, kv, { partial: true });
        kv.release();
      };
      leave('a', shared, begin('a', shared));
      expect(cache.share('a', shared)).toBe(10);
      /** Has all pages go that can. */
      const crowd = (): void => {
        const other = begin('c', tokensOf(24, 2));
        other.release();
      };
      return { cache, begin, leave, crowd };
    };

    it('hide nothing of it: where a key lost those of its own branch, the common one is gone on from', () => {
      const { cache, begin, leave, crowd } = setUpShared();
      const own = Uint32Array.from([...shared, 50, 51]);
      leave('a1', own, begin('a1', own));
      expect(cache.known('a1', own)).toBe(12);
      crowd();
      const { kv, miss } = cache.match('a1', own, 12);
      expect({ length: kv.length, miss }).toEqual({ length: 10, miss: { reason: 'window', position: 10 } });
      expect(cache.known('a1', own)).toBe(10);
      kv.release();
      cache.checkIntegrity([]);
    });

    it('are held for several beginnings up to half of all: sequences need the rest', () => {
      const { cache, begin, leave } = setUpShared();
      for (const key of ['d', 'e']) {
        const other = tokensOf(10, key === 'd' ? 3 : 4);
        leave(key, other, begin(key, other));
        expect(cache.share(key, other)).toBe(10);
      }
      cache.checkIntegrity([]);
      cache.evict(PAGES);
      const { arena } = cache.windows!;
      // The third has none: two of each of the others are half of them.
      expect(arena.freePages + arena.evictablePages).toBe(8 - 4);
      expect([cache.known('d1', tokensOf(10, 3)), cache.known('a1', shared)]).toEqual([10, 10]);
    });

    it('are kept with one page of those that begin alike, so that they can go', () => {
      const { cache, begin, leave, crowd } = setUpShared();
      // A key's own beginning of the first page, made before its own windowed page is lost.
      const parted = Uint32Array.from([1, 2, 60]);
      const short = begin('a1', parted);
      short.truncate(2);
      leave('a1', parted, short);
      crowd();
      // One that computes the first page again leaves it with the shared page, and then with the key's.
      const kv = begin('a1', shared.subarray(0, 4));
      cache.donate('a1', shared.subarray(0, 4), kv, { partial: true });
      kv.truncate(2);
      leave('a1', shared, kv);
      cache.checkIntegrity([]);
      cache.evict(PAGES);
      const { arena } = cache.windows!;
      expect(arena.freePages + arena.evictablePages).toBe(8 - 2);
    });
  });
});
