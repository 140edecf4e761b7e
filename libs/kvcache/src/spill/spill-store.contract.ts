import type { SpillRecord, SpillStore } from './spill-store.js';

/** A record of `tokens` tokens, those from `from` on in pages of 4 tokens and 16 bytes, filled from `seed`, with a state at its end. */
export function makeRecord(seed: number, tokens = 10, label = '', from = 0): SpillRecord {
  const page = (index: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => seed * 31 + index * 7 + i);
  return {
    key: new Uint8Array(32).fill(seed),
    owner: new Uint8Array(32).fill(seed + 100),
    tokens: Uint32Array.from({ length: tokens }, (_, i) => seed * 1000 + i),
    from,
    pageTokens: 4,
    pages: Array.from({ length: Math.max(0, Math.ceil((tokens - from) / 4)) }, (_, i) => page(i)),
    states: [{ position: tokens, bytes: Uint8Array.from([seed, 2, 3]) }],
    label,
    memo: `memo ü ${seed}`,
  };
}

/** Tests that every SpillStore has to pass. */
export function describeSpillStore(name: string, open: (limitBytes: number) => Promise<SpillStore>): void {
  describe(`${name} as a spill store`, () => {
    it('gives back what it was given, bit for bit', async () => {
      const store = await open(1e6);
      const record = makeRecord(3, 10, 'a session ü');
      const entry = await store.put(record);
      expect(entry).toMatchObject({
        key: record.key,
        tokens: record.tokens,
        from: 0,
        length: 10,
        states: [10],
        label: 'a session ü',
      });
      expect(await store.get(entry?.id ?? '')).toEqual(record);
    });

    it('holds the end of a sequence whose beginning is elsewhere, or nothing but its tokens', async () => {
      const store = await open(1e6);
      for (const from of [4, 12]) {
        const record = makeRecord(2, 10, '', from);
        const entry = await store.put(record);
        expect(entry).toMatchObject({ from, length: 10, tokens: record.tokens.slice(from) });
        expect(await store.get(entry?.id ?? '')).toEqual(record);
      }
    });

    it('has one key for a scope, and others for others', async () => {
      const store = await open(1e6);
      expect(store.keyOf('a')).toHaveLength(32);
      expect(store.keyOf('a')).toEqual(store.keyOf('a'));
      expect(store.keyOf('a')).not.toEqual(store.keyOf('b'));
    });

    it('takes those as used last that are touched', async () => {
      const store = await open(1e6);
      const ids: string[] = [];
      for (let seed = 0; seed < 3; seed++) ids.push((await store.put(makeRecord(seed)))?.id ?? '');
      store.touch([ids[1], ids[0], 'none']);
      await store.close();
      expect(store.entries().map(({ id }) => id)).toEqual([ids[2], ids[1], ids[0]]);
    });

    it('keeps its own copy: what the caller writes afterwards is not seen', async () => {
      const store = await open(1e6);
      const record = makeRecord(1);
      const entry = await store.put(record);
      record.pages[0].fill(99);
      record.tokens.fill(99);
      expect(await store.get(entry?.id ?? '')).toEqual(makeRecord(1));
      expect(store.entries()[0].tokens).toEqual(makeRecord(1).tokens);
    });

    it('takes records without tokens, pages or states', async () => {
      const store = await open(1e6);
      const empty: SpillRecord = { ...makeRecord(1, 0), states: [] };
      const entry = await store.put(empty);
      expect(await store.get(entry?.id ?? '')).toEqual(empty);
    });

    it('makes room for a new record by dropping those used longest ago', async () => {
      const one = (await (await open(1e6)).put(makeRecord(1)))?.bytes ?? 0;
      const store = await open(2 * one);
      const first = await store.put(makeRecord(1));
      const second = await store.put(makeRecord(2));
      await store.get(first?.id ?? '');
      const third = await store.put(makeRecord(3));
      expect(store.entries().map(({ id }) => id)).toEqual([first?.id, third?.id]);
      expect(await store.get(second?.id ?? '')).toBeUndefined();
      expect(store.bytes).toBe(2 * one);
    });

    it('drops pages of the owner that has most of them, and sessions only for sessions, pinned ones last', async () => {
      const one = (await (await open(1e6)).put(makeRecord(1)))?.bytes ?? 0;
      const store = await open(8 * one);
      const session = (pinned: boolean): SpillRecord => ({
        ...makeRecord(1, 0),
        states: [],
        label: JSON.stringify({ pinned }),
      });
      const pinned = await store.put(session(true));
      const loose = await store.put(session(false));
      const page = await store.put(makeRecord(1));
      for (let i = 0; i < 8; i++) await store.put(makeRecord(2));
      expect(
        store
          .entries()
          .slice(0, 3)
          .map(({ id }) => id),
      ).toEqual([pinned?.id, loose?.id, page?.id]);
      const size = 8 * one - 2 * (pinned?.bytes ?? 0) - Math.floor((loose?.bytes ?? 0) / 2);
      const large = { ...makeRecord(3, 0), states: [{ position: 0, bytes: new Uint8Array(size) }] };
      const before = store.entries();
      expect([store.accepts(large.owner, 8 * one), store.accepts(large.owner, one)]).toEqual([false, true]);
      expect(await store.put(large)).toBeUndefined();
      expect(store.entries()).toEqual(before);
      // Sessions have half of the room, for which one of them takes another's place; beside that it takes that of pages.
      const named = { ...large, label: JSON.stringify({ pinned: false }) };
      expect(await store.put(named)).toBeUndefined();
      expect(store.entries()).toEqual(before);
      const half = new Uint8Array(size - 4 * one);
      const kept = await store.put({ ...named, states: [{ position: 0, bytes: half }] });
      const ids = store.entries().map(({ id }) => id);
      expect(ids).toEqual(expect.arrayContaining([pinned?.id, page?.id, kept?.id]));
      expect(ids).not.toContain(loose?.id);
    });

    it('shares room by owner, however many keys one has', async () => {
      const one = (await (await open(1e6)).put(makeRecord(1)))?.bytes ?? 0;
      const store = await open(8 * one);
      const own = [await store.put(makeRecord(1)), await store.put(makeRecord(1))].map((entry) => entry?.id);
      for (let key = 0; key < 20; key++) await store.put({ ...makeRecord(2), key: new Uint8Array(32).fill(key) });
      expect(store.entries().filter(({ id }) => own.includes(id))).toHaveLength(2);
      expect(store.entries()).toHaveLength(8);
    });

    it('refuses a record beyond its limit and keeps what it has', async () => {
      const one = (await (await open(1e6)).put(makeRecord(1)))?.bytes ?? 0;
      const store = await open(one);
      const kept = await store.put(makeRecord(1));
      expect(await store.put(makeRecord(2, 40))).toBeUndefined();
      expect(store.entries().map(({ id }) => id)).toEqual([kept?.id]);
    });

    it('forgets what is deleted, once and for all', async () => {
      const store = await open(1e6);
      const entry = await store.put(makeRecord(1));
      await store.delete(entry?.id ?? '');
      await store.delete(entry?.id ?? '');
      expect(await store.get(entry?.id ?? '')).toBeUndefined();
      expect([store.bytes, store.entries()]).toEqual([0, []]);
    });
  });
}
