import { StarlingError } from '@starling/core';
import type { ChunkStore } from './chunk-store.js';
import { hex } from './check-sha256.js';
import { MAX_JOURNAL_BYTES, parseJournal } from './chunk-journal.js';

/** A file of the origin private file system that is open for this worker alone (the library's types name it for workers only). */
interface SyncFile {
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** A model that the browser holds. */
export interface CachedModel {
  readonly url: string;
  readonly size: number;
  /** Bytes of it that are there. */
  readonly heldBytes: number;
}

const FOLDER = 'starling-models';
const [DATA, JOURNAL] = ['data', 'journal'];

/** Whether this worker may keep files: in secure contexts of browsers with an origin private file system. */
export function hasOriginStorage(): boolean {
  return typeof globalThis.navigator?.storage?.getDirectory === 'function' && globalThis.crypto?.subtle !== undefined;
}

/**
 * Opens the store of an address. One at a time, in all tabs: others wait until it is closed, or its worker has ended. In workers only.
 */
export async function openOriginStore(url: string): Promise<ChunkStore> {
  const name = await nameOf(url);
  const unlock = await lock(`${FOLDER}/${name}`);
  try {
    const folder = await (await modelFolder(true))!.getDirectoryHandle(name, { create: true });
    const [data, journal] = [await openFile(folder, DATA), await openFile(folder, JOURNAL)];
    return originStore(data, journal, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** What the browser holds of models. */
export async function cachedModels(): Promise<CachedModel[]> {
  const models: CachedModel[] = [];
  const folder = (await modelFolder(false)) as
    | (FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> })
    | undefined;
  if (!folder) return models;
  for await (const entry of folder.values()) {
    if (entry.kind !== 'directory') continue;
    const file = await (entry as FileSystemDirectoryHandle).getFileHandle(JOURNAL).then(
      (handle) => handle.getFile(),
      () => undefined,
    );
    const journal = file && parseJournal(await file.slice(0, MAX_JOURNAL_BYTES).text());
    if (!journal) continue;
    const { url, size, chunkBytes } = journal.head;
    models.push({
      url,
      size,
      heldBytes: journal.digests.reduce(
        (sum, digest, i) => (digest === undefined ? sum : sum + Math.min(chunkBytes, size - i * chunkBytes)),
        0,
      ),
    });
  }
  return models;
}

/** Removes what the browser holds of an address, also of one that it does not hold. Waits for whoever loads it. */
export async function removeCachedModel(url: string): Promise<void> {
  const name = await nameOf(url);
  const unlock = await lock(`${FOLDER}/${name}`);
  try {
    await (await modelFolder(false))?.removeEntry(name, { recursive: true }).catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
    });
  } finally {
    unlock();
  }
}

async function modelFolder(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  if (!hasOriginStorage())
    throw new StarlingError(
      'not_supported',
      'this page cannot keep files: browsers let pages do so that come by HTTPS, or from this machine',
    );
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create }).catch((error: unknown) => {
    if (create) throw error;
    return undefined;
  });
}

async function openFile(folder: FileSystemDirectoryHandle, name: string): Promise<SyncFile> {
  const handle = (await folder.getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle(): Promise<SyncFile>;
  };
  return handle.createSyncAccessHandle();
}

function originStore(data: SyncFile, journal: SyncFile, unlock: () => void): ChunkStore {
  const writeAll = (file: SyncFile, bytes: Uint8Array, at: number): void => {
    for (let done = 0; done < bytes.length; ) {
      const written = file.write(bytes.subarray(done), { at: at + done });
      if (written === 0) throw new RangeError('there is no room');
      done += written;
    }
    file.flush();
  };
  return {
    readJournal(limit) {
      const bytes = new Uint8Array(Math.min(limit, journal.getSize()));
      return bytes.subarray(0, journal.read(bytes, { at: 0 }));
    },
    writeJournal(text, { anew = false } = {}) {
      if (anew) journal.truncate(0);
      writeAll(journal, new TextEncoder().encode(text), journal.getSize());
    },
    read: (offset, into) => data.read(into, { at: offset }),
    write: (offset, bytes) => writeAll(data, bytes, offset),
    close() {
      data.close();
      journal.close();
      unlock();
    },
  };
}

/** Waits until nobody else has the name; gives what lets it go. */
function lock(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const held = new Promise<void>(
      (unlock) => void navigator.locks.request(name, () => (resolve(unlock), held)).catch(reject),
    );
  });
}

async function nameOf(url: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(url));
  return hex(new Uint8Array(digest, 0, 16));
}
