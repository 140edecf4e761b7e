import { StarlingError } from '@starling/core';
import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The holder touches its lock this often ... */
const HEARTBEAT_MS = 2_000;
/** ... and one that was not touched for this long belongs to a process that is gone. */
const STALE_MS = 15_000;
const POLL_MS = 200;

/**
 * Runs work while holding a lock file, which no other process (or caller in this one) holds at the same time.
 * A lock left by a process that died is taken over.
 * @throws StarlingError cancelled if the signal fires while waiting; what the work throws
 */
export async function withFileLock<T>(lockPath: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await fs.mkdir(path.dirname(lockPath), { recursive: true });
  while (!(await tryLock(lockPath))) {
    if (signal?.aborted) throw new StarlingError('cancelled', `${lockPath}: waiting for another download of the same file was cancelled`);
    await sleep(POLL_MS);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    fs.utimes(lockPath, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await fs.rm(lockPath, { force: true });
  }
}

async function tryLock(lockPath: string): Promise<boolean> {
  try {
    await fs.writeFile(lockPath, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const info = await fs.stat(lockPath).catch(() => undefined);
  if (info && Date.now() - info.mtimeMs > STALE_MS) {
    // Renaming first makes sure that of several waiting processes only one removes this very lock.
    const grave = `${lockPath}.${process.pid}.stale`;
    if (await fs.rename(lockPath, grave).then(() => true, () => false)) await fs.rm(grave, { force: true });
  }
  return false;
}
