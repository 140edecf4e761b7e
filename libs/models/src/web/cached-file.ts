import { StarlingError, isStarlingError, messageOf } from '@starling/core';
import {
  MAX_JOURNAL_BYTES,
  chunkLine,
  headLine,
  parseJournal,
  verifiedLine,
  type ChunkJournal,
  type JournalHead,
} from './chunk-journal.js';
import { checkSha256, hex, type ReadableFile } from './check-sha256.js';
import type { ChunkStore } from './chunk-store.js';

export interface FillOptions {
  /** Chunks that are fetched at a time. Default 4. */
  readonly parallel?: number;
  /** Called as chunks arrive, with the bytes that are held. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

const CHUNK_BYTES = 1 << 20;
const DEFAULT_PARALLEL = 4;
/** Chunks that stay in memory after they were read. */
const RECENT = 8;

/**
 * A file on a server with what of it is held here, in chunks that each have a checksum. Chunks are fetched once; what an earlier visit has
 * brought stays, and one that is found damaged is fetched again.
 */
export class CachedFile implements ReadableFile {
  readonly name: string;
  readonly size: number;
  /** What is worth reading at a time. */
  readonly chunkBytes: number;
  readonly #store: ChunkStore;
  readonly #remote: ReadableFile | undefined;
  readonly #digests: (string | undefined)[];
  #verified: string | undefined;
  /** By chunk, the oldest first; each is checked. */
  readonly #recent = new Map<number, Promise<Uint8Array>>();

  private constructor(store: ChunkStore, remote: ReadableFile | undefined, { head, digests, verified }: ChunkJournal) {
    this.name = remote?.name ?? head.url;
    this.size = head.size;
    this.chunkBytes = head.chunkBytes;
    this.#store = store;
    this.#remote = remote;
    this.#digests = digests;
    this.#verified = verified;
  }

  /**
   * Opens what a store holds of a file, or begins anew if that is of another.
   * @param remote the file on its server; undefined: the server cannot be asked, and what is held must be all of it
   * @returns undefined without a server, if not all is held
   */
  static open(
    url: string,
    store: ChunkStore,
    remote: ReadableFile | undefined,
    chunkBytes = CHUNK_BYTES,
  ): CachedFile | undefined {
    const earlier = parseJournal(new TextDecoder().decode(store.readJournal(MAX_JOURNAL_BYTES)));
    if (!remote)
      return earlier?.head.url === url && earlier.digests.every((digest) => digest !== undefined)
        ? new CachedFile(store, undefined, earlier)
        : undefined;
    const head: JournalHead = { url, size: remote.size, chunkBytes, version: remote.version };
    if (earlier && isSame(earlier.head, head)) {
      // As far as it could be read: what follows a line that was torn would count as part of it.
      const journal = [
        headLine(head),
        ...earlier.digests.flatMap((digest, chunk) => (digest === undefined ? [] : [chunkLine(chunk, digest)])),
        ...(earlier.verified === undefined ? [] : [verifiedLine(earlier.verified)]),
      ];
      store.writeJournal(journal.join(''), { anew: true });
      return new CachedFile(store, remote, earlier);
    }
    store.writeJournal(headLine(head), { anew: true });
    return new CachedFile(store, remote, {
      head,
      digests: new Array<string | undefined>(Math.ceil(remote.size / chunkBytes)).fill(undefined),
    });
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#digests.reduce((sum, digest, chunk) => (digest === undefined ? sum : sum + this.#lengthOf(chunk)), 0);
  }

  /** Fetches what is missing. @throws StarlingError download_failed as the server's file does, or where there is no room */
  async fill({ parallel = DEFAULT_PARALLEL, onProgress }: FillOptions = {}): Promise<void> {
    let next = 0;
    let held = this.heldBytes;
    onProgress?.({ done: held, total: this.size });
    const worker = async (): Promise<void> => {
      for (let chunk = next++; chunk < this.#digests.length; chunk = next++) {
        if (this.#digests[chunk] !== undefined) continue;
        await this.#fetch(chunk);
        onProgress?.({ done: (held += this.#lengthOf(chunk)), total: this.size });
      }
    };
    const workers = Array.from({ length: parallel }, async () => {
      try {
        await worker();
      } catch (error) {
        next = this.#digests.length;
        throw error;
      }
    });
    const failed = (await Promise.allSettled(workers)).find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Takes a chunk that came by another way. */
  async put(chunk: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const digest = await digestOf(bytes);
    try {
      this.#store.write(chunk * this.chunkBytes, bytes);
      this.#store.writeJournal(chunkLine(chunk, digest));
    } catch (cause) {
      throw new StarlingError(
        'download_failed',
        `${this.name}: cannot be kept in the browser's storage (${messageOf(cause)}); free some room, or load it without a cache`,
        { details: { url: this.name, final: true }, cause },
      );
    }
    this.#digests[chunk] = digest;
  }

  /**
   * Reads all of it once, unless that was done at an earlier visit, and holds its SHA-256 against what it must be.
   * @throws StarlingError checksum_mismatch: then nothing of it is held any more
   */
  async verify(expected: string): Promise<void> {
    const wanted = expected.toLowerCase();
    if (this.#verified === wanted) return;
    try {
      await checkSha256(this, wanted);
    } catch (error) {
      if (isStarlingError(error, 'checksum_mismatch')) this.#store.writeJournal('', { anew: true });
      throw error;
    }
    this.#store.writeJournal(verifiedLine(wanted));
    this.#verified = wanted;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    if (offset < 0 || offset + into.length > this.size)
      throw new StarlingError(
        'invalid_model_file',
        `${this.name}: ends at byte ${this.size}, but bytes ${offset} to ${offset + into.length} are needed`,
        { details: { file: this.name, size: this.size } },
      );
    for (let done = 0; done < into.length; ) {
      const chunk = Math.floor((offset + done) / this.chunkBytes);
      const begin = offset + done - chunk * this.chunkBytes;
      const bytes = (await this.#chunk(chunk)).subarray(begin, begin + into.length - done);
      into.set(bytes, done);
      done += bytes.length;
    }
  }

  async close(): Promise<void> {
    this.#recent.clear();
    this.#store.close();
    await this.#remote?.close();
  }

  #lengthOf(chunk: number): number {
    return Math.min(this.chunkBytes, this.size - chunk * this.chunkBytes);
  }

  /** A chunk, checked. */
  #chunk(chunk: number): Promise<Uint8Array> {
    const known = this.#recent.get(chunk);
    if (known) return known;
    const bytes = this.#bring(chunk);
    this.#recent.set(chunk, bytes);
    bytes.catch(() => this.#recent.delete(chunk));
    if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.keys().next().value!);
    return bytes;
  }

  async #bring(chunk: number): Promise<Uint8Array> {
    const digest = this.#digests[chunk];
    if (digest === undefined) return this.#fetch(chunk);
    const bytes = new Uint8Array(this.#lengthOf(chunk));
    if (this.#store.read(chunk * this.chunkBytes, bytes) === bytes.length && (await digestOf(bytes)) === digest)
      return bytes;
    return this.#fetch(chunk);
  }

  async #fetch(chunk: number): Promise<Uint8Array> {
    if (!this.#remote)
      throw new StarlingError(
        'checksum_mismatch',
        `${this.name}: what the browser holds of it is damaged, and its server cannot be reached`,
        { details: { url: this.name } },
      );
    const bytes = new Uint8Array(this.#lengthOf(chunk));
    await this.#remote.read(chunk * this.chunkBytes, bytes);
    await this.put(chunk, bytes);
    return bytes;
  }
}

const isSame = (a: JournalHead, b: JournalHead): boolean =>
  a.url === b.url && a.size === b.size && a.chunkBytes === b.chunkBytes && a.version === b.version;

const digestOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  hex(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes)));

/** Whether an error says that a server could not be reached, or is not well: what is held may be used then. */
export const isUnreachable = (error: unknown): boolean =>
  isStarlingError(error, 'download_failed') && error.details.final !== true;
