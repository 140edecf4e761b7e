import fs, { type FileHandle } from 'node:fs/promises';

/**
 * A file that is being downloaded, `NAME.part`, and its journal, `NAME.part.json`.
 *
 * Invariant: of chunk i, the bytes `[i * chunkBytes, i * chunkBytes + received[i])` are in the part file. Bytes are written
 * before the journal says so; so what the journal says holds whenever the process ends.
 */
export interface Journal {
  readonly url: string;
  readonly size: number;
  readonly etag?: string;
  readonly sha256?: string;
  readonly chunkBytes: number;
  readonly received: number[];
}

/** The journal is written at most this often, and at the end of each chunk. */
const SAVE_INTERVAL_MS = 1_000;

export class PartialFile {
  #savedAt = 0;
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    readonly path: string,
    readonly journal: Journal,
    private readonly file: FileHandle,
  ) {}

  /** Goes on with what an earlier download left, if it was of the same file (url, size, validator, checksum); else begins anew. */
  static async open(path: string, wanted: Omit<Journal, 'received'>): Promise<PartialFile> {
    const earlier = await readJournal(`${path}.json`);
    const chunks = Math.ceil(wanted.size / wanted.chunkBytes);
    const same =
      earlier !== undefined &&
      (['url', 'size', 'etag', 'sha256', 'chunkBytes'] as const).every((key) => earlier[key] === wanted[key]) &&
      earlier.received.length === chunks &&
      // Without a validator or checksum nothing says that the server's file is still the same.
      (wanted.etag !== undefined || wanted.sha256 !== undefined);
    const exists = await fs.stat(path).then((info) => info.size === wanted.size, () => false);
    const resumed = same && exists;
    const file = await fs.open(path, resumed ? 'r+' : 'w');
    if (!resumed) await file.truncate(wanted.size);
    return new PartialFile(path, { ...wanted, received: resumed ? earlier.received : new Array<number>(chunks).fill(0) }, file);
  }

  /** The bytes `[begin, end)` of a chunk that are still missing; undefined if none are. */
  missing(chunk: number): { begin: number; end: number } | undefined {
    const { chunkBytes, size, received } = this.journal;
    const begin = chunk * chunkBytes + received[chunk];
    const end = Math.min(size, (chunk + 1) * chunkBytes);
    return begin < end ? { begin, end } : undefined;
  }

  get receivedBytes(): number {
    return this.journal.received.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Writes the next bytes of a chunk. */
  async write(chunk: number, position: number, bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, written, bytes.length - written, position + written);
      written += bytesWritten;
    }
    this.journal.received[chunk] = position + bytes.length - chunk * this.journal.chunkBytes;
    if (performance.now() - this.#savedAt > SAVE_INTERVAL_MS || this.missing(chunk) === undefined) await this.save();
  }

  /** Writes the journal, whole or not at all. */
  save(): Promise<void> {
    this.#savedAt = performance.now();
    this.#saving = this.#saving.then(async () => {
      const temporary = `${this.path}.json.tmp`;
      await fs.writeFile(temporary, JSON.stringify(this.journal));
      await fs.rename(temporary, `${this.path}.json`);
    });
    return this.#saving;
  }

  /** Closes the part file, with its bytes on disk. */
  async close(): Promise<void> {
    await this.#saving;
    await this.file.sync();
    await this.file.close();
  }

  /** Gives the complete file its final name. Call after close(). */
  async finish(finalPath: string): Promise<void> {
    await fs.rename(this.path, finalPath);
    await fs.rm(`${this.path}.json`, { force: true });
  }

  /** Removes the part file and its journal. Call after close(). */
  async discard(): Promise<void> {
    await fs.rm(this.path, { force: true });
    await fs.rm(`${this.path}.json`, { force: true });
  }
}

async function readJournal(path: string): Promise<Journal | undefined> {
  try {
    const value = JSON.parse(await fs.readFile(path, 'utf8')) as Journal;
    const valid =
      Array.isArray(value.received) &&
      value.chunkBytes > 0 &&
      value.received.every((bytes, i) => Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= Math.min(value.chunkBytes, value.size - i * value.chunkBytes));
    return valid ? value : undefined;
  } catch {
    return undefined;
  }
}
