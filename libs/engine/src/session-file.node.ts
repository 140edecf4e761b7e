import { StarlingError, isStarlingError } from '@starling/core';
import { readRecord, writeRecord } from '@starling/kvcache/node';
import fs from 'node:fs/promises';
import type { SavedSession } from './saved-session.js';

/**
 * Writes a session to a file: the path has all of it, or what was there before.
 * @returns its bytes
 * @throws errors of the file system
 */
export async function writeSessionFile(path: string, session: SavedSession): Promise<number> {
  await writeRecord(path, session);
  return (await fs.stat(path)).size;
}

/**
 * Reads a session's file and checks every byte of it.
 * @throws StarlingError file_not_found; invalid_request for what is damaged, cut, of another version, or no such file; errors of the file system
 */
export async function readSessionFile(path: string): Promise<SavedSession> {
  try {
    return await readRecord(path);
  } catch (error) {
    if (isStarlingError(error))
      throw new StarlingError('invalid_request', error.message, {
        details: { ...error.details, param: 'file' },
        cause: error,
      });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new StarlingError('file_not_found', 'there is no such file of a session', { details: { param: 'file' } });
    throw error;
  }
}
