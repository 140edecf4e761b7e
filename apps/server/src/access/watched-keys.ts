import type { RequestLog } from '../parts.js';
import { fileState, GONE, watchFile } from '../watch-file.js';
import { readKnownKeys } from './key-file.js';
import type { KnownKey } from './key-ring.js';

/** The keys of a file, read again when it changes. */
export interface WatchedKeys {
  current(): readonly KnownKey[];
  close(): void;
}

/**
 * Reads a file of keys and goes on looking at it. A file that was changed for the worse is told to the log, and the keys stay as they were;
 * one that has gone holds no keys.
 * @throws StarlingError invalid_argument if it cannot be read to begin with
 */
export function watchKeys(file: string, log: Pick<RequestLog, 'info' | 'error'>): WatchedKeys {
  // Looked at before it is read: what changes in between is seen the next time.
  const seen = fileState(file);
  let keys = readKnownKeys(file);
  const close = watchFile(file, seen, (state) => {
    try {
      keys = state === GONE ? [] : readKnownKeys(file);
      log.info({ file, keys: keys.length }, 'API keys were read again');
    } catch (error) {
      log.error({ err: error, file }, 'API keys stay as they were: the file is not in order');
    }
  });
  return { current: () => keys, close };
}
