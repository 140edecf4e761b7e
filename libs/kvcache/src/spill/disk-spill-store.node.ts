import { createHmac, randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { Emitter, StarlingError, messageOf, monotonicClock, type Listener } from '@starling/core';
import { secretOf } from './folder-secret.node.js';
import { hexOf } from './hex-of.js';
import { faultOf, fileBytes, isPassing, readRecord, readRecordHeader, writeRecord } from './record-file.node.js';
import { SpillQuota, type IncomingRecord } from './spill-quota.js';
import type { RecordFeed, RecordNews, SessionDirectory } from './shared-store.js';
import type { DropReason, SpillEvent, SpillRecord, SpillStore, SpilledEntry } from './spill-store.js';
import { entryOf } from './spilled-entry.js';
import { isLeftBehind, isTemporary } from './temporary-files.node.js';

/** Files of records end like this; what a write left behind has more behind it. */
const RECORD_ENDING = '.starkv';
/** How often at most the folder is looked through for what others did to it. */
const REFRESH_MS = 10_000;
/** Of what others wrote so much is read at a time: the rest the next time. */
const FOUND_RECORDS = 256;
const FOUND_TOKENS = 2 ** 22;
/** Clocks of file systems may be so coarse. */
const CLOCK_STEP_MS = 2_000;
/** So many records that others have used since are spared, before one goes all the same. */
const SPARED = 16;

export interface DiskSpillOptions {
  readonly folder: string;
  /** Bytes of all records together, those of other processes included. */
  readonly limitBytes: number;
  /** Milliseconds after which the folder is looked through again, when it is next used. Default 10 s. */
  readonly refreshMs?: number;
  /** How the processes that have the folder hear of each other, by a name of it that is the same for all. Absent: each finds out when it looks through the folder. */
  readonly share?: (folderName: string) => FolderSharing;
}

/** What processes need that have one folder and hear of each other. */
export interface FolderSharing {
  readonly feed: RecordFeed;
  readonly directory: SessionDirectory;
}

/** A record that is there, and when it was used last as far as is known here. */
interface Found {
  readonly entry: SpilledEntry;
  readonly usedMs: number;
}

/**
 * Records in a folder, one file each: written beside and renamed, so that a file is whole or not there; every byte of it is under a checksum.
 * The files' times of change say which was used last, so that the order of use outlives the process. A damaged, cut, foreign or older
 * file is thrown away when it is found.
 *
 * Several processes may have one folder, each with the same limit: what others wrote counts, and can be read, once the folder was looked
 * through again, or at once where they hear of each other; what they took away is gone. Between two looks the limit may be passed by what others have
 * written since. Where they hear of each other, records of other versions are left to those that wrote them.
 *
 * Writes and reads wait for one another: a slow disk slows nothing but itself.
 */
export class DiskSpillStore implements SpillStore {
  readonly #folder: string;
  readonly #secret: Uint8Array;
  readonly #refreshMs: number;
  readonly #quota: SpillQuota;
  readonly #usedMs = new Map<string, number>();
  /** What could not be removed: passed over until it is gone, or it would be found wanting, and told of, at each look. */
  readonly #immovable = new Set<string>();
  readonly #events = new Emitter<SpillEvent>();
  readonly #sharing: FolderSharing | undefined;
  readonly #stopHearing: (() => void) | undefined;
  #refreshedAt = monotonicClock();
  #isRefreshing = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor({ folder, limitBytes, refreshMs = REFRESH_MS, share }: DiskSpillOptions, secret: Uint8Array) {
    this.#folder = folder;
    this.#secret = secret;
    this.#refreshMs = refreshMs;
    this.#quota = new SpillQuota(limitBytes);
    this.#sharing = share?.(hexOf(this.keyOf('the folder itself')));
    // It hears from before it looks: what is written meanwhile is found one way or the other.
    this.#stopHearing = this.#sharing?.feed.on((news) => this.#hear(news));
  }

  /**
   * Opens a folder, which is made if it is not there, and reads what it holds (headers alone).
   * @param onEvent hears also what is thrown away while opening
   * @throws errors of the file system if the folder can neither be made nor read: that is a mistake of configuration
   */
  static async open(options: DiskSpillOptions, onEvent?: Listener<SpillEvent>): Promise<DiskSpillStore> {
    await fs.mkdir(options.folder, { recursive: true, mode: 0o700 });
    const store = new DiskSpillStore(options, await secretOf(options.folder));
    if (onEvent) store.on(onEvent);
    await store.#inTurn(async () => {
      for (const found of await store.#lookThrough(Infinity, Infinity)) store.#add(found);
      await store.#makeRoom();
    });
    return store;
  }

  get bytes(): number {
    return this.#quota.bytes;
  }

  get limitBytes(): number {
    return this.#quota.limitBytes;
  }

  on(listener: Listener<SpillEvent>): () => void {
    return this.#events.on(listener);
  }

  get directory(): SessionDirectory | undefined {
    return this.#sharing?.directory;
  }

  keyOf(scope: string): Uint8Array {
    return new Uint8Array(createHmac('sha256', this.#secret).update(scope).digest());
  }

  entries(): SpilledEntry[] {
    return this.#quota.entries();
  }

  accepts(owner: Uint8Array, bytes: number): boolean {
    return this.#quota.victims({ owner: hexOf(owner), label: '', from: 0, length: 0, bytes }) !== undefined;
  }

  refresh(): void {
    if (!this.#isRefreshing && monotonicClock() - this.#refreshedAt >= this.#refreshMs) this.#look();
  }

  #look(): void {
    this.#isRefreshing = true;
    void this.#inTurn(async () => {
      try {
        for (const found of await this.#lookThrough(FOUND_RECORDS, FOUND_TOKENS)) {
          this.#add(found);
          this.#events.emit({ kind: 'found', entry: found.entry });
        }
        await this.#makeRoom();
      } catch {
        // A folder that cannot be read tells of it when it is written to.
      } finally {
        this.#refreshedAt = monotonicClock();
        this.#isRefreshing = false;
      }
    });
  }

  find(id: string): Promise<SpilledEntry | undefined> {
    return this.#inTurn(async () => {
      if (this.#sharing) await this.#lookFor(id);
      return this.#quota.get(id);
    });
  }

  #hear(news: RecordNews | { readonly kind: 'missed' }): void {
    if (news.kind === 'missed') this.#look();
    else if (news.kind === 'written') void this.#inTurn(() => this.#lookFor(news.id));
    else void this.#inTurn(() => Promise.resolve(this.#forget(news.id, 'gone', 'another process took it away')));
  }

  /** Takes a record that another process has written. */
  async #lookFor(id: string): Promise<void> {
    if (this.#quota.get(id) !== undefined || path.basename(id) !== id || id === '') return;
    const found = await this.#readHeader(id);
    if (found === undefined) return;
    this.#add(found);
    this.#events.emit({ kind: 'found', entry: found.entry });
  }

  put(record: SpillRecord): Promise<SpilledEntry | undefined> {
    this.refresh();
    return this.#inTurn(async () => {
      try {
        const { all: bytes } = fileBytes(record);
        if (bytes > this.limitBytes)
          throw new StarlingError(
            'out_of_memory',
            `a record of ${bytes} bytes is larger than the limit of ${this.limitBytes}`,
          );
        const id = randomUUID();
        // What the caller writes to it afterwards is not seen.
        const entry = entryOf(id, record, bytes);
        if (!(await this.#makeRoom(entry)))
          throw new StarlingError(
            'out_of_memory',
            `there is no room for ${bytes} bytes: what is stored is worth more, or is of those who have less`,
          );
        const began = performance.now();
        await writeRecord(this.#path(id), record);
        this.#add({ entry, usedMs: Date.now() });
        this.#sharing?.feed.tell({ kind: 'written', id });
        this.#events.emit({ kind: 'spilled', id, bytes, durationMs: performance.now() - began });
        return entry;
      } catch (error) {
        this.#events.emit({ kind: 'spill_failed', message: messageOf(error) });
        return undefined;
      }
    });
  }

  get(id: string): Promise<SpillRecord | undefined> {
    this.refresh();
    return this.#inTurn(async () => {
      const entry = this.#quota.get(id);
      if (entry === undefined) return undefined;
      try {
        const began = performance.now();
        const record = await readRecord(this.#path(id));
        await this.#noteUse(id);
        this.#events.emit({ kind: 'restored', id, bytes: entry.bytes, durationMs: performance.now() - began });
        return record;
      } catch (error) {
        // What fails for want of something here says nothing of the file.
        if (!isPassing(error)) await this.#reject(id, error);
        return undefined;
      }
    });
  }

  touch(ids: readonly string[]): void {
    if (ids.length === 0) return;
    void this.#inTurn(async () => {
      for (const id of ids) await this.#noteUse(id);
    });
  }

  delete(id: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#quota.get(id)) await this.#remove(id);
    });
  }

  async close(): Promise<void> {
    this.#stopHearing?.();
    await this.#turn;
  }

  checkIntegrity(): void {
    this.#quota.checkIntegrity();
  }

  /**
   * Finds out what is in the folder: takes away what writes left behind, forgets what is gone, and reads the headers of what is new.
   * @returns the new ones, the one used longest ago first
   */
  async #lookThrough(mostRecords: number, mostTokens: number): Promise<Found[]> {
    const found: Found[] = [];
    const names = await fs.readdir(this.#folder);
    const there = new Set(names);
    for (const id of this.#immovable) if (!there.has(`${id}${RECORD_ENDING}`)) this.#immovable.delete(id);
    for (const id of [...this.#quota.ids()])
      if (!there.has(`${id}${RECORD_ENDING}`)) this.#forget(id, 'gone', 'another process took it away');
    let [records, tokens] = [0, 0];
    for (const name of names) {
      if (isTemporary(name) && name.includes(RECORD_ENDING)) await this.#removeLeftBehind(name);
      if (!name.endsWith(RECORD_ENDING)) continue;
      const id = name.slice(0, -RECORD_ENDING.length);
      if (
        this.#quota.get(id) !== undefined ||
        this.#immovable.has(id) ||
        records >= mostRecords ||
        tokens >= mostTokens
      )
        continue;
      records++;
      const one = await this.#readHeader(id);
      if (one === undefined) continue;
      tokens += one.entry.length;
      found.push(one);
    }
    return found.sort((a, b) => a.usedMs - b.usedMs);
  }

  async #readHeader(id: string): Promise<Found | undefined> {
    try {
      const { header, bytes, usedMs } = await readRecordHeader(this.#path(id));
      return { entry: entryOf(id, header, bytes), usedMs };
    } catch (error) {
      if (!isPassing(error)) await this.#reject(id, error);
      return undefined;
    }
  }

  async #removeLeftBehind(name: string): Promise<void> {
    const file = path.join(this.#folder, name);
    const found = await fs.stat(file).catch(() => undefined);
    if (found && (!found.isFile() || isLeftBehind(name, found.mtimeMs)))
      await fs.rm(file, { force: true }).catch(() => undefined);
  }

  /** False: there is no room for it, and nothing went. */
  async #makeRoom(incoming?: IncomingRecord): Promise<boolean> {
    for (let spared = 0; ; ) {
      const victims = this.#quota.victims(incoming);
      if (victims === undefined || victims.length === 0) return victims !== undefined;
      const [{ id }] = victims;
      const usedMs = await this.#changedMs(id);
      if (usedMs === undefined) this.#forget(id, 'gone', 'another process took it away');
      else if (usedMs > (this.#usedMs.get(id) ?? 0) + CLOCK_STEP_MS && spared++ < SPARED) {
        this.#usedMs.set(id, usedMs);
        this.#quota.touch(id);
      } else await this.#drop(id, 'quota', 'it was used longest ago');
    }
  }

  /** When another process, or this one, used a record; undefined: it is not there. */
  async #changedMs(id: string): Promise<number | undefined> {
    try {
      return (await fs.stat(this.#path(id))).mtimeMs;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 0;
    }
  }

  async #noteUse(id: string): Promise<void> {
    if (this.#quota.get(id) === undefined) return;
    this.#quota.touch(id);
    const now = new Date();
    this.#usedMs.set(id, now.getTime());
    // An order of use that could not be written down costs nothing but that order.
    await fs.utimes(this.#path(id), now, now).catch(() => undefined);
  }

  #add({ entry, usedMs }: Found): void {
    this.#quota.add(entry);
    this.#usedMs.set(entry.id, usedMs);
  }

  /** A record that failed its check, or is not there any more. */
  async #reject(id: string, error: unknown): Promise<void> {
    const { reason, message } = faultOf(error);
    if (reason === 'version' && this.#sharing) return;
    if (reason === 'gone') this.#forget(id, reason, message);
    else await this.#drop(id, reason, message);
  }

  async #drop(id: string, reason: DropReason, message: string): Promise<void> {
    await this.#remove(id);
    this.#events.emit({ kind: 'dropped', id, reason, message });
  }

  #forget(id: string, reason: DropReason, message: string): void {
    if (this.#quota.get(id) === undefined) return;
    this.#quota.delete(id);
    this.#usedMs.delete(id);
    this.#events.emit({ kind: 'dropped', id, reason, message });
  }

  async #remove(id: string): Promise<void> {
    this.#quota.delete(id);
    this.#usedMs.delete(id);
    await fs.rm(this.#path(id), { force: true }).catch(() => void this.#immovable.add(id));
    this.#sharing?.feed.tell({ kind: 'removed', id });
  }

  #path(id: string): string {
    return path.join(this.#folder, `${id}${RECORD_ENDING}`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
