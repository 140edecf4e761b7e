import type { Stats } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { StarlingError, messageOf } from '@starling/core';
import { checkRange, type ByteSource } from './byte-source.js';

/** The system reads at most 2 GiB at once. */
const MAX_READ_BYTES = 2 ** 30;

/**
 * Opens a file for reading at any place.
 * @throws StarlingError file_not_found, or invalid_model_file if it is not a readable file
 */
export async function openFileSource(path: string): Promise<ByteSource> {
  try {
    const { size } = await regularFile(path);
    return new FileSource(path, size, await fs.open(path, 'r'));
  } catch (error) {
    throw error instanceof StarlingError ? error : openError(path, error);
  }
}

class FileSource implements ByteSource {
  #handle: FileHandle | undefined;

  constructor(
    readonly name: string,
    readonly size: number,
    handle: FileHandle,
  ) {
    this.#handle = handle;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this, offset, into.length);
    for (let done = 0; done < into.length; ) {
      if (this.#handle === undefined)
        throw new StarlingError('closed', `${this.name}: was closed`, { details: { file: this.name } });
      const { bytesRead } = await this.#handle.read(
        into,
        done,
        Math.min(into.length - done, MAX_READ_BYTES),
        offset + done,
      );
      if (bytesRead === 0) checkRange({ name: this.name, size: offset + done }, offset, into.length);
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** Looked at before it is opened: opening a pipe would wait for its other end. */
async function regularFile(path: string): Promise<Stats> {
  const stats = await fs.stat(path);
  if (stats.isFile()) return stats;
  throw new StarlingError('invalid_model_file', `${path}: not a file`, { details: { file: path } });
}

function openError(path: string, cause: unknown): StarlingError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new StarlingError('file_not_found', `${path}: no such file`, { details: { file: path }, cause });
  return new StarlingError('invalid_model_file', `${path}: cannot be opened (${messageOf(cause)})`, {
    details: { file: path },
    cause,
  });
}
