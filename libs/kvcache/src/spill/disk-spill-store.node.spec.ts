import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Emitter } from '@starling/core';
import { until } from '../../../../tools/jest/until.js';
import { KvCache } from '../kv-cache.js';
import { DiskSpillStore } from './disk-spill-store.node.js';
import { readRecord, writeRecord } from './record-file.node.js';
import type { RecordNews, SessionDirectory } from './shared-store.js';
import { temporaryOf } from './temporary-files.node.js';
import type { SpillEvent } from './spill-store.js';
import { describeSpillStore, makeRecord } from './spill-store.contract.js';

const folders: string[] = [];

function newFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-spill-'));
  folders.push(folder);
  return folder;
}

afterAll(() => folders.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true })));

describeSpillStore('DiskSpillStore', (limitBytes) => DiskSpillStore.open({ folder: newFolder(), limitBytes }));

const recordsIn = (folder: string): string[] => fs.readdirSync(folder).filter((name) => name !== 'secret');

describe('a folder of spilled records', () => {
  const onlyFile = (folder: string): string => path.join(folder, recordsIn(folder)[0]);

  async function folderWith(seed: number): Promise<string> {
    const folder = newFolder();
    const store = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
    await store.put(makeRecord(seed));
    return folder;
  }

  it('is read again by the next process, with the order of use', async () => {
    const folder = newFolder();
    const store = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
    const first = await store.put(makeRecord(1));
    const second = await store.put(makeRecord(2, 12, 'chat'));
    // Times of files are set by hand, so that the order does not hang on the clock's resolution.
    fs.utimesSync(path.join(folder, `${second?.id}.starkv`), 1, 1);
    const again = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
    expect(again.entries()).toEqual([second, first]);
    expect(await again.get(second?.id ?? '')).toEqual(makeRecord(2, 12, 'chat'));
  });

  it('never gives a record with a flipped bit: every bit of a file is tried, before and after it was opened', async () => {
    const folder = await folderWith(5);
    const file = onlyFile(folder);
    const whole = fs.readFileSync(file);
    let found = 0;
    for (let byte = 0; byte < whole.length; byte++) {
      const damaged = Buffer.from(whole);
      damaged[byte] ^= 1 << (byte % 8);
      fs.writeFileSync(file, whole);
      const open = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
      const [{ id }] = open.entries();
      fs.writeFileSync(file, damaged);
      const openedLater = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
      expect(await openedLater.get(id)).toBeUndefined();
      fs.writeFileSync(file, damaged);
      expect(await open.get(id)).toBeUndefined();
      expect(recordsIn(folder)).toEqual([]);
      found++;
    }
    expect(found).toBe(whole.length);
  });

  it('throws away files that are cut anywhere, or have bytes too many', async () => {
    const folder = await folderWith(5);
    const file = onlyFile(folder);
    const whole = fs.readFileSync(file);
    const others = [
      ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
      Buffer.concat([whole, Buffer.alloc(1)]),
    ];
    for (const bytes of others) {
      fs.writeFileSync(file, bytes);
      const reasons: string[] = [];
      const store = await DiskSpillStore.open(
        { folder, limitBytes: 1e6 },
        (event) => event.kind === 'dropped' && reasons.push(event.reason),
      );
      expect(store.entries()).toEqual([]);
      expect(reasons).toHaveLength(1);
      expect(recordsIn(folder)).toEqual([]);
    }
  });

  it('says of an older file that it is older, of another that it is foreign, and removes what a write left behind', async () => {
    const folder = await folderWith(5);
    const whole = fs.readFileSync(onlyFile(folder));
    const older = Buffer.from(whole);
    older.writeUInt32LE(0, 8);
    fs.writeFileSync(path.join(folder, 'older.starkv'), older);
    fs.writeFileSync(path.join(folder, 'foreign.starkv'), 'something else entirely');
    const [leftBehind, others, own] = [
      'cut.starkv.tmp',
      'one.starkv.00000000-1-00000000-0.tmp',
      path.basename(temporaryOf('own.starkv')),
    ];
    const ended = own.replace(`-${process.pid}-`, `-${spawnSync(process.execPath, ['-e', '']).pid}-`);
    const earlier = own.replace(/-[0-9a-f]{8}-/, '-00000000-');
    for (const name of [leftBehind, others, own, ended, earlier]) fs.writeFileSync(path.join(folder, name), whole);
    fs.utimesSync(path.join(folder, leftBehind), 1, 1);
    fs.writeFileSync(path.join(folder, 'notes.txt'), 'not ours');
    const dropped: [string, string][] = [];
    await DiskSpillStore.open(
      { folder, limitBytes: 1e6 },
      (event) => event.kind === 'dropped' && dropped.push([event.id, event.reason]),
    );
    expect(new Map(dropped)).toEqual(
      new Map([
        ['older', 'version'],
        ['foreign', 'foreign'],
      ]),
    );
    expect(recordsIn(folder).sort()).toEqual(
      [expect.stringMatching(/^[^.]*\.starkv$/), 'notes.txt', others, own].sort(),
    );
  });

  it('tells once of what cannot be removed, and takes a record of the same name when that is gone', async () => {
    const folder = await folderWith(5);
    const [record] = recordsIn(folder);
    const whole = fs.readFileSync(path.join(folder, record));
    fs.mkdirSync(path.join(folder, 'folder.starkv'));
    const dropped: string[] = [];
    const store = await DiskSpillStore.open(
      { folder, limitBytes: 1e6, refreshMs: 0 },
      (event) => event.kind === 'dropped' && dropped.push(event.id),
    );
    for (let look = 0; look < 3; look++) {
      store.refresh();
      await store.put(makeRecord(6 + look));
    }
    expect(dropped).toEqual(['folder']);
    fs.rmdirSync(path.join(folder, 'folder.starkv'));
    store.refresh();
    await store.put(makeRecord(9));
    fs.writeFileSync(path.join(folder, 'folder.starkv'), whole);
    store.refresh();
    await store.put(makeRecord(10));
    expect(store.entries().map(({ id }) => id)).toContain('folder');
    await store.close();
  });

  it('waits for no pipe in the place of a record, of the secret, or of what is written', async () => {
    const folder = await folderWith(5);
    if (process.platform === 'win32') return;
    fs.rmSync(path.join(folder, 'secret'));
    for (const name of ['pipe.starkv', 'pipe.starkv.tmp', 'secret'])
      expect(spawnSync('mkfifo', [path.join(folder, name)]).status).toBe(0);
    const dropped: [string, string][] = [];
    const store = await DiskSpillStore.open(
      { folder, limitBytes: 1e6 },
      (event) => event.kind === 'dropped' && dropped.push([event.id, event.reason]),
    );
    expect(dropped).toEqual([['pipe', 'foreign']]);
    expect(await store.put(makeRecord(6))).toBeDefined();
    await store.close();
    expect(fs.readdirSync(folder).filter((name) => !fs.statSync(path.join(folder, name)).isFile())).toEqual([]);
  });

  it('tells nobody whose records are whose, has the same keys when it is opened again, and others elsewhere', async () => {
    const folder = newFolder();
    const store = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
    await store.put({ ...makeRecord(1), key: store.keyOf('tenant of a key') });
    const again = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
    expect(again.keyOf('tenant of a key')).toEqual(store.keyOf('tenant of a key'));
    expect(again.entries()[0].key).toEqual(store.keyOf('tenant of a key'));
    const elsewhere = await DiskSpillStore.open({ folder: newFolder(), limitBytes: 1e6 });
    expect(elsewhere.keyOf('tenant of a key')).not.toEqual(store.keyOf('tenant of a key'));
    expect(fs.statSync(path.join(folder, 'secret')).mode & 0o77).toBe(0);
    expect(fs.readdirSync(folder).some((name) => fs.readFileSync(path.join(folder, name)).includes('tenant'))).toBe(
      false,
    );
  });

  it('tells of a write that fails, and goes on', async () => {
    const folder = newFolder();
    const events: SpillEvent[] = [];
    const store = await DiskSpillStore.open({ folder, limitBytes: 1e6 }, (event) => events.push(event));
    fs.rmSync(folder, { recursive: true });
    fs.writeFileSync(folder, 'a file in the place of the folder');
    expect(await store.put(makeRecord(1))).toBeUndefined();
    expect(events).toEqual([{ kind: 'spill_failed', message: expect.any(String) }]);
    fs.rmSync(folder);
    fs.mkdirSync(folder);
    expect(await store.put(makeRecord(2))).toBeDefined();
  });

  it('keeps to a limit that has become smaller', async () => {
    const folder = newFolder();
    const store = await DiskSpillStore.open({ folder, limitBytes: 1e6 });
    for (let seed = 0; seed < 4; seed++) await store.put(makeRecord(seed));
    const one = store.bytes / 4;
    const smaller = await DiskSpillStore.open({ folder, limitBytes: 2 * one });
    expect(smaller.entries()).toHaveLength(2);
    expect(recordsIn(folder)).toHaveLength(2);
  });

  describe('that several processes have', () => {
    /** Two stores of one folder that look through it whenever they are used. */
    async function two(limitBytes = 1e6) {
      const folder = newFolder();
      const events: SpillEvent[] = [];
      const one = await DiskSpillStore.open({ folder, limitBytes, refreshMs: 0 });
      const other = await DiskSpillStore.open({ folder, limitBytes, refreshMs: 0 }, (event) => events.push(event));
      const look = async (): Promise<void> => {
        other.refresh();
        await other.close();
      };
      return { folder, one, other, events, look };
    }

    it('gives each what the others wrote, and forgets what they took away', async () => {
      const { one, other, events, look } = await two();
      const entry = await one.put(makeRecord(1));
      expect(other.entries()).toEqual([]);
      await look();
      expect(other.entries()).toEqual([entry]);
      expect(events).toEqual([{ kind: 'found', entry }]);
      expect(await other.get(entry?.id ?? '')).toEqual(makeRecord(1));
      await one.delete(entry?.id ?? '');
      expect(await other.get(entry?.id ?? '')).toBeUndefined();
      expect(other.entries()).toEqual([]);
      expect(events.at(-1)).toMatchObject({ kind: 'dropped', id: entry?.id, reason: 'gone' });
      const second = await one.put(makeRecord(2));
      await look();
      await one.delete(second?.id ?? '');
      await look();
      expect([other.bytes, other.entries()]).toEqual([0, []]);
    });

    it('keeps to the limit with what others wrote, and spares what they have used since', async () => {
      const size = (await (await two()).one.put(makeRecord(1)))?.bytes ?? 0;
      const { folder, one, other, look } = await two(3 * size);
      const ids: string[] = [];
      for (let seed = 0; seed < 3; seed++) ids.push((await one.put(makeRecord(seed)))?.id ?? '');
      for (const id of ids) fs.utimesSync(path.join(folder, `${id}.starkv`), 1, 1);
      await look();
      expect(other.bytes).toBe(3 * size);
      // A use that only the file tells of.
      fs.utimesSync(path.join(folder, `${other.entries()[0].id}.starkv`), 1000, 1000);
      const [first, second, third] = other.entries().map(({ id }) => id);
      const last = await other.put(makeRecord(4));
      expect(recordsIn(folder).sort()).toEqual([first, third, last?.id].map((id) => `${id}.starkv`).sort());
      expect(await one.get(second)).toBeUndefined();
    });

    it('has one secret, whoever opens it first, or finds one that is none', async () => {
      for (const prepare of [
        () => undefined,
        (folder: string) => fs.writeFileSync(path.join(folder, 'secret'), 'short'),
      ]) {
        const folder = newFolder();
        prepare(folder);
        const stores = await Promise.all(
          Array.from({ length: 8 }, () => DiskSpillStore.open({ folder, limitBytes: 1e6 })),
        );
        expect(new Set(stores.map((store) => Buffer.from(store.keyOf('a')).toString('hex'))).size).toBe(1);
        expect(fs.readdirSync(folder)).toEqual(['secret']);
      }
    });

    it('takes two writes of one path one after the other', async () => {
      const file = path.join(newFolder(), 'session');
      await Promise.all([
        writeRecord(file, makeRecord(7)),
        writeRecord(file, makeRecord(7)),
        writeRecord(file, makeRecord(7)),
      ]);
      expect(await readRecord(file)).toEqual(makeRecord(7));
      expect(fs.readdirSync(path.dirname(file))).toEqual(['session']);
    });
  });
});

/** A directory and a feed for stores of one process, as Redis is for those of several. */
function sharingOfStores() {
  const news = new Emitter<{ readonly from: object; readonly news: RecordNews | { readonly kind: 'missed' } }>();
  const records = new Map<string, string>();
  const taken = new Set<string>();
  const directory: SessionDirectory = {
    take: (name) => {
      if (taken.has(name)) return Promise.resolve(undefined);
      taken.add(name);
      return Promise.resolve({ record: records.get(name), release: () => void taken.delete(name) });
    },
    note: (name, record) => Promise.resolve(void records.set(name, record)),
    forget: (name, record) => Promise.resolve(void (records.get(name) === record && records.delete(name))),
  };
  let isDeaf = false;
  const share = () => {
    const self = {};
    return {
      directory,
      feed: {
        tell: (told: RecordNews) => void (isDeaf || news.emit({ from: self, news: told })),
        on: (listener: (heard: RecordNews | { readonly kind: 'missed' }) => void) =>
          news.on(({ from, news: heard }) => void (from !== self && listener(heard))),
      },
    };
  };
  return {
    share,
    taken,
    hear: (deaf: boolean) => (isDeaf = !deaf),
    miss: () => news.emit({ from: {}, news: { kind: 'missed' } }),
  };
}

describe('a folder that several processes have', () => {
  const open = (folder: string, { share }: Pick<ReturnType<typeof sharingOfStores>, 'share'>, limitBytes = 1e6) =>
    DiskSpillStore.open({ folder, limitBytes, share });
  const ids = (store: DiskSpillStore) => store.entries().map(({ id }) => id);

  it('is known to each as it is, at once, within one limit', async () => {
    const [folder, sharing] = [newFolder(), sharingOfStores()];
    const [a, b] = [await open(folder, sharing), await open(folder, sharing)];
    const events: SpillEvent['kind'][] = [];
    b.on(({ kind }) => events.push(kind));
    const first = (await a.put(makeRecord(1)))!;
    const second = (await a.put(makeRecord(2)))!;
    expect(await b.get((await b.find(first.id))!.id)).toEqual(makeRecord(1));
    expect([ids(a).sort(), ids(b).sort(), a.bytes]).toEqual([
      [first.id, second.id].sort(),
      [first.id, second.id].sort(),
      b.bytes,
    ]);
    await a.delete(first.id);
    expect(await b.find(first.id)).toBeUndefined();
    expect(events).toEqual(['found', 'found', 'restored', 'dropped']);
    const small = await open(folder, sharing, a.bytes);
    await small.put(makeRecord(3));
    await Promise.all([a, b].map((store) => store.find('')));
    expect([ids(a), ids(b)]).toEqual([ids(small), ids(small)]);
    expect(small.bytes).toBeLessThanOrEqual(small.limitBytes);
  });

  it('is read again where something was not heard, and what went meanwhile is no damage', async () => {
    const [folder, sharing] = [newFolder(), sharingOfStores()];
    const [a, b] = [await open(folder, sharing), await open(folder, sharing)];
    const first = (await a.put(makeRecord(1)))!;
    await b.find(first.id);
    sharing.hear(false);
    const dropped: SpillEvent[] = [];
    b.on((event) => void (event.kind === 'dropped' && event.reason !== 'gone' && dropped.push(event)));
    await a.delete(first.id);
    expect(await b.get(first.id)).toBeUndefined();
    const second = (await a.put(makeRecord(2)))!;
    expect(ids(b)).toEqual([]);
    sharing.miss();
    await b.close();
    expect([ids(b), dropped]).toEqual([[second.id], []]);
  });

  it('keeps records of other versions, which those that wrote them can read', async () => {
    const [folder, sharing] = [newFolder(), sharingOfStores()];
    const entry = (await (await open(folder, sharing)).put(makeRecord(1)))!;
    const file = path.join(folder, `${entry.id}.starkv`);
    const bytes = fs.readFileSync(file);
    bytes.writeUInt32LE(0, 8);
    fs.writeFileSync(file, bytes);
    expect(ids(await open(folder, sharing))).toEqual([]);
    expect(recordsIn(folder)).toEqual([`${entry.id}.starkv`]);
  });

  describe('and of which each holds sessions', () => {
    const storage = {
      scopeOf: (tenant: string) => `sessions of ${tenant}`,
      keyOf: (tenant: string) => tenant,
      memoOf: () => '',
      onAdopted: () => undefined,
    };
    const limit = 2;
    async function twoTables() {
      const [folder, sharing] = [newFolder(), sharingOfStores()];
      const table = async () => {
        const cache = new KvCache({
          pageCount: 16,
          pageTokens: 4,
          bytesPerPage: 0,
          pages: { copyPage: () => undefined } as never,
          spill: { store: await open(folder, sharing) },
          sessions: { limit },
          sessionStorage: storage,
        });
        await cache.openSessions();
        return cache.sessions;
      };
      const tables = [await table(), await table()] as const;
      const ask = async (at: 0 | 1, id: string, ...tokens: number[]) => {
        const one = tables[at];
        await one.hold('t', id);
        const session = one.acquire('t', id, { cacheKey: 't' });
        one.letGoAfter(session);
        const all = [...session.tokens, ...tokens];
        one.settle(session, Uint32Array.from(all));
        await until(() => sharing.taken.size === 0);
        return all;
      };
      return { tables, sharing, ask };
    }

    it('a session goes on at each from where it was left at another', async () => {
      const { ask } = await twoTables();
      const turns = [
        await ask(0, 'a', 1),
        await ask(1, 'a', 2),
        await ask(1, 'a', 3),
        await ask(0, 'a', 4),
        await ask(1, 'a', 5),
      ];
      expect(turns.at(-1)).toEqual([1, 2, 3, 4, 5]);
    });

    it('one request at a time goes on from it', async () => {
      const { tables, ask, sharing } = await twoTables();
      await ask(0, 'a', 1);
      await tables[0].hold('t', 'a');
      await expect(tables[1].hold('t', 'a')).rejects.toMatchObject({ code: 'conflict' });
      // Of one process, the table decides; it is held until both have let go.
      await tables[0].hold('t', 'a');
      tables[0].letGo('t', 'a');
      await expect(tables[1].hold('t', 'a')).rejects.toMatchObject({ code: 'conflict' });
      tables[0].letGo('t', 'a');
      await until(() => sharing.taken.size === 0);
      expect(await ask(1, 'a', 2)).toEqual([1, 2]);
    });

    it('what closes at one, by hand or for want of room, is closed for all', async () => {
      const { tables, ask } = await twoTables();
      for (const id of ['a', 'b']) await ask(0, id, 1);
      await ask(1, 'c', 1);
      await ask(0, 'b', 2);
      const held = () => tables.map((table) => table.list('t').map(({ id }) => id));
      await until(() => JSON.stringify(held()) === '[["c","b"],["c","b"]]');
      tables[1].close('t', 'b');
      await until(() => JSON.stringify(held()) === '[["c"],["c"]]');
      expect(await ask(0, 'b', 7)).toEqual([7]);
      for (const table of tables) table.checkIntegrity();
    });
  });
});
