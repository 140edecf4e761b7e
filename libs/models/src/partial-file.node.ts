import fs, { type FileHandle } from 'node:fs/promises';

/**
 * A file that is being downloaded, `NAME.part`, and its journal, `NAME.part.json`.
 *
 * Invariant: of chunk i, the bytes `[i * chunkBytes, i * chunkBytes + received[i])` are in the part file. Bytes are on disk
 * before the journal says so; so what the journal says holds however the process (or the machine) ends.
 */
export interface Journal {
  readonly url: string;
  readonly size: number;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly sha256?: string;
  readonly chunkBytes: number;
  readonly received: number[];
}

/** Pause between two writings of the journal. */
const SAVE_INTERVAL_MS = 250;

export class PartialFile {
  #saving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    readonly path: string,
    readonly journal: Journal,
    private readonly file: FileHandle,
  ) {}

  /**
   * Goes on with what an earlier download left, if it was of the same file: the same url and size, and whatever validators and checksum
   * there are; else begins anew. A server that sends no validator is trusted as far: where a checksum is known it has the last word.
   */
  static async open(path: string, wanted: Omit<Journal, 'received'>): Promise<PartialFile> {
    const earlier = await readJournal(`${path}.json`);
    const chunks = Math.ceil(wanted.size / wanted.chunkBytes);
    const same =
      earlier !== undefined &&
      (['url', 'size', 'etag', 'lastModified', 'sha256', 'chunkBytes'] as const).every(
        (key) => earlier[key] === wanted[key],
      ) &&
      earlier.received.length === chunks;
    const exists = await fs.stat(path).then(
      (info) => info.size === wanted.size,
      () => false,
    );
    const resumed = same && exists;
    const file = await fs.open(path, resumed ? 'r+' : 'w');
    if (!resumed) await file.truncate(wanted.size);
    return new PartialFile(
      path,
      { ...wanted, received: resumed ? earlier.received : new Array<number>(chunks).fill(0) },
      file,
    );
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
    this.#timer ??= setTimeout(() => void this.#save().catch(() => undefined), SAVE_INTERVAL_MS);
  }

  /** Writes the journal, whole or not at all, with the bytes it counts on disk. A failure shows at the latest in `close`. */
  #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#saving = this.#saving
      .catch(() => undefined)
      .then(async () => {
        const journal = JSON.stringify(this.journal);
        await this.file.datasync();
        const temporary = `${this.path}.json.tmp`;
        await fs.writeFile(temporary, journal);
        await fs.rename(temporary, `${this.path}.json`);
        this.#timer = undefined;
      });
    return this.#saving;
  }

  /** Closes the part file, with its bytes and its journal on disk. */
  async close(): Promise<void> {
    try {
      await this.#save();
    } finally {
      await this.file.close();
    }
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
      value.received.every(
        (bytes, i) =>
          Number.isSafeInteger(bytes) &&
          bytes >= 0 &&
          bytes <= Math.min(value.chunkBytes, value.size - i * value.chunkBytes),
      );
    return valid ? value : undefined;
  } catch {
    return undefined;
  }
}
