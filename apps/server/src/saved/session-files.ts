import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { StarlingError, isStarlingError, parameterError, type ErrorCode } from '@starling/core';
import type { SavedSession } from '@starling/engine';
import { readSessionFile, writeSessionFile } from '@starling/engine/node';
import { systemCode } from '../system-code.js';

/** Letters, digits, and a few signs between them: no folder, nothing hidden. */
const NAME = /^\w[\w.+@ -]{0,199}$/;

/** Files of one caller: small ones, too, take a place each in the folder's table. */
const MAX_FILES = 1024;

/** What a caller is told of what the system says. The path in the system's own words is not for callers. */
const PROBLEMS: ReadonlyMap<string, readonly [problem: string, whenSaved: ErrorCode]> = new Map<
  string,
  readonly [string, ErrorCode]
>([
  ['EISDIR', ['this is a folder; expected a file', 'invalid_request']],
  ['ENOSPC', ['no space is left on the server’s disk', 'out_of_memory']],
  ['EDQUOT', ['no space is left for the server on its disk', 'out_of_memory']],
  ['EACCES', ['the server may not use the file or its folder', 'not_supported']],
  ['EPERM', ['the server may not use the file or its folder', 'not_supported']],
  ['EROFS', ['the server’s disk takes no writing', 'not_supported']],
]);

/** What a session's file has at least: the rest of it is a few hundred bytes. */
function bytesOf({ tokens, pages, states, memo }: SavedSession): number {
  const all = [...pages, ...states.map(({ bytes }) => bytes)];
  return tokens.byteLength + Buffer.byteLength(memo) + all.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Sessions in files of a folder, to be opened again here or on another machine. Files of callers without a key lie in the folder itself, those
 * of a key in a folder of its own.
 */
export class SessionFiles {
  readonly #folder: string;
  readonly #limitBytes: number;
  /** By folder: writes take turns, so that each finds what the ones before it have taken of the limit. */
  readonly #turns = new Map<string, Promise<unknown>>();

  /** @param limitBytes of the files of one tenant together */
  constructor(folder: string, limitBytes: number) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /**
   * Writes a file, in the place of one of that name.
   * @returns its bytes
   * @throws StarlingError invalid_request for a name that is none or a folder's, out_of_memory beyond the limit or the disk, not_supported where the folder takes no files
   */
  async save(tenant: string, name: string, session: SavedSession): Promise<number> {
    const file = this.#path(tenant, name);
    const folder = path.dirname(file);
    const turn = (this.#turns.get(folder) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => inWords('saved', name, () => this.#write(file, session)));
    this.#turns.set(folder, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(folder) === turn) this.#turns.delete(folder);
    }
  }

  async #write(file: string, session: SavedSession): Promise<number> {
    const folder = path.dirname(file);
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    const bytes = bytesOf(session);
    const others = (await fs.readdir(folder, { withFileTypes: true })).filter(
      (entry) => entry.isFile() && entry.name !== path.basename(file),
    );
    if (others.length >= MAX_FILES)
      throw new StarlingError(
        'out_of_memory',
        `a caller may have ${MAX_FILES} saved sessions: save in the place of one that is there`,
        { details: { files: others.length + 1, limit: MAX_FILES, passes: false } },
      );
    let used = 0;
    for (const { name } of others) used += (await fs.stat(path.join(folder, name))).size;
    if (used + bytes > this.#limitBytes) {
      throw new StarlingError(
        'out_of_memory',
        `the saved sessions would have ${used + bytes} bytes, at most ${this.#limitBytes} are kept: remove files, or raise --kv-disk-limit`,
        { details: { bytes: used + bytes, limit: this.#limitBytes, passes: false } },
      );
    }
    return writeSessionFile(file, session);
  }

  /**
   * Reads a file, checked as a whole.
   * @throws StarlingError invalid_request, file_not_found
   */
  async read(tenant: string, name: string): Promise<{ readonly session: SavedSession; readonly bytes: number }> {
    const file = this.#path(tenant, name);
    return inWords('read', name, async () => ({
      session: await readSessionFile(file),
      bytes: (await fs.stat(file)).size,
    }));
  }

  #path(tenant: string, name: string): string {
    if (!NAME.test(name) || name.endsWith('.tmp'))
      throw parameterError(
        'invalid_request',
        'filename',
        'must be a plain name of a file: letters, digits, spaces and . _ - + @, without a folder, at most 200 characters',
      );
    return tenant === ''
      ? path.join(this.#folder, name)
      : path.join(this.#folder, createHash('sha256').update(tenant).digest('hex').slice(0, 32), name);
  }
}

/** Does something with a file. What the system says against it is told without the server's folders. */
async function inWords<Result>(what: 'saved' | 'read', name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const system = systemCode(error);
    if (isStarlingError(error) || system === undefined) throw error;
    const [problem, whenSaved] = PROBLEMS.get(system) ?? [`the server’s system says ${system}`, 'not_supported'];
    // Nothing that goes on here makes room on a disk: no moment is told at which it may go better.
    throw new StarlingError(
      what === 'saved' ? whenSaved : 'file_not_found',
      `the file ${name} cannot be ${what}: ${problem}`,
      { details: { param: 'filename', passes: false }, cause: error },
    );
  }
}
