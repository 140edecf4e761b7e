import { KvCache } from './kv-cache.js';

/** A prompt of a trace: the hashes of its blocks, as public traces of prompts have them (Mooncake's `hash_ids`). */
type HashedPrompt = readonly number[];

const BLOCK_TOKENS = 4;
const REQUESTS = 2000;

/** Chats of some assistants, a few at a time: a turn repeats what was said before, and adds to it. Some chats are forked, most end soon, and some come back late. */
function chatTrace(seed: number): HashedPrompt[] {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  let blocks = 0;
  const fresh = (count: number): number[] => Array.from({ length: count }, () => ++blocks);
  const assistants = Array.from({ length: 6 }, () => fresh(4 + below(12)));
  const chats: number[][] = [];
  return Array.from({ length: REQUESTS }, () => {
    const kind = below(10);
    // Most turns belong to one of the newest chats.
    const known = kind < 3 ? undefined : chats.at(-1 - (kind < 9 ? below(12) : below(Math.max(1, chats.length))));
    const chat =
      known === undefined
        ? [...assistants[below(assistants.length)]]
        : kind === 8
          ? known.slice(0, 1 + below(known.length))
          : known;
    if (chat !== known) chats.push(chat);
    chat.push(...fresh(1 + below(6)));
    return [...chat];
  });
}

/** The part of all blocks that a cache of so many blocks finds which lets go whatever was used longest ago and is gone on from by nothing. */
function simulated(trace: readonly HashedPrompt[], capacity: number): number {
  interface Block {
    readonly parent: Block | undefined;
    readonly next: Map<number, Block>;
    usedAt: number;
  }
  const root: Block = { parent: undefined, next: new Map(), usedAt: 0 };
  const held = new Map<Block, number>();
  let [found, asked] = [0, 0];
  trace.forEach((prompt, now) => {
    let at = root;
    let isKnown = true;
    asked += prompt.length;
    for (const hash of prompt) {
      let block = at.next.get(hash);
      isKnown &&= block !== undefined;
      if (isKnown) found++;
      if (block === undefined) {
        block = { parent: at, next: new Map(), usedAt: now };
        at.next.set(hash, block);
        held.set(block, hash);
      }
      block.usedAt = now;
      at = block;
    }
    while (held.size > capacity) {
      let victim: Block | undefined;
      for (const block of held.keys())
        if (block.next.size === 0 && block.usedAt < (victim?.usedAt ?? Infinity)) victim = block;
      if (victim === undefined) break;
      victim.parent?.next.delete(held.get(victim)!);
      held.delete(victim);
    }
  });
  return found / asked;
}

/** The same of the cache itself. */
function replayed(trace: readonly HashedPrompt[], capacity: number): number {
  const cache = new KvCache({ pageCount: capacity, pageTokens: BLOCK_TOKENS });
  let [found, asked] = [0, 0];
  for (const prompt of trace) {
    const tokens = Uint32Array.from(
      prompt.flatMap((hash) => Array.from({ length: BLOCK_TOKENS }, (_, i) => hash * BLOCK_TOKENS + i)),
    );
    const { kv } = cache.match('one', tokens, tokens.length);
    found += kv.length;
    asked += tokens.length;
    const rest = tokens.length - kv.length;
    cache.evict(kv.pagesToReserve(rest) - cache.arena.freePages);
    kv.reserve(rest);
    cache.takeCopies();
    kv.commit(rest);
    cache.donate('one', tokens, kv, { partial: true });
    kv.release();
  }
  cache.checkIntegrity([]);
  return found / asked;
}

describe('a trace of hashed prompts', () => {
  it.each([250, 500, 1000, 4000])(
    'is found again as an offline simulation says, within two points, with room for %i blocks',
    (capacity) => {
      const trace = chatTrace(11);
      const [rate, expected] = [replayed(trace, capacity), simulated(trace, capacity)];
      expect(Math.abs(rate - expected)).toBeLessThan(0.02);
      expect(expected).toBeGreaterThan(0.2);
    },
  );

  it('is one that more room serves better', () => {
    const trace = chatTrace(11);
    const rates = [250, 500, 1000, 4000].map((capacity) => simulated(trace, capacity));
    expect([...rates].sort((a, b) => a - b)).toEqual(rates);
    expect(rates[3] - rates[0]).toBeGreaterThan(0.05);
  });
});
