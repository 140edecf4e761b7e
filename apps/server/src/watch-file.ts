import fs from 'node:fs';
import { systemCode } from './system-code.js';

/** How often a file is looked at. Its times are, not the system's news: those do not come through every file system, nor after a file was replaced. */
const LOOK_MS = 500;

/** A file that is not there. */
export const GONE = 'gone';

/** Which file it is, and in what state. */
export function fileState(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = fs.statSync(file);
    return [ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? GONE : 'out of reach';
  }
}

/**
 * Looks at a file until the returned function is called.
 * @param seen the state that it was read in: what changed since is told
 * @param looks how many looks in a row must find the same: with 2, a file that is still being written is left to be
 */
export function watchFile(file: string, seen: string, onChange: (state: string) => void, looks = 1): () => void {
  let found = seen;
  let alike = 0;
  const timer = setInterval(() => {
    const now = fileState(file);
    alike = now === found ? alike + 1 : 1;
    found = now;
    if (now === seen || alike < looks) return;
    seen = now;
    onChange(now);
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
