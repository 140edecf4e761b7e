import { KvCache } from './kv-cache.js';

const PAGE_TOKENS = 4;
const KEY = 'k';

/** Twelve tokens, of which the first `common` are those of all. */
const tokensOf = (own: number, common: number): Uint32Array =>
  Uint32Array.from({ length: 12 }, (_, i) => (i < common ? 1 + i : 1000 * own + i));

function setUp() {
  const cache = new KvCache({ pageCount: 64, pageTokens: PAGE_TOKENS });
  const compute = (tokens: Uint32Array, key = KEY) => {
    const { kv, miss } = cache.match(key, tokens, tokens.length - 1);
    const known = kv.length;
    kv.reserve(tokens.length - known);
    cache.takeCopies();
    kv.commit(tokens.length - known);
    cache.donate(key, tokens, kv, { partial: true });
    kv.release();
    cache.checkIntegrity([]);
    return { known, reason: miss?.reason };
  };
  return { cache, compute };
}

describe('why no more of a prompt was found', () => {
  it.each([0, 1, 3])('is that it went, where others that begin with the same %d tokens are there still', (common) => {
    const { cache, compute } = setUp();
    const [first, other, never] = [1, 2, 3].map((own) => tokensOf(own, common));
    compute(first);
    cache.evict(3);
    expect(compute(other)).toEqual({ known: 0, reason: expect.not.stringMatching('evicted') });
    expect(compute(first)).toEqual({ known: common, reason: 'evicted' });
    expect(compute(never)).toEqual({ known: common, reason: 'diverged' });
  });

  it('is the first other token behind pages that are there, and that the next page went where it did', () => {
    const { cache, compute } = setUp();
    const [first, other] = [1, 2].map((own) => tokensOf(own, 6));
    compute(first);
    expect(compute(other)).toEqual({ known: 6, reason: 'diverged' });
    // Those that were used longest ago, from their ends.
    cache.evict(2);
    expect(compute(first)).toEqual({ known: 6, reason: 'evicted' });
    expect(compute(tokensOf(3, 6), 'another')).toEqual({ known: 0, reason: 'new' });
  });
});
