import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { StarlingError } from '@starling/core';

/** A lock whose holder gave no sign of life for this long belongs to a process that is gone, or to one on another machine that is. */
const STALE_MS = 15_000;
const POLL_MS = 100;

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
}

/**
 * Runs work while holding a lock file, which no other process (or caller in this one) holds at the same time. The holder touches the file
 * every few seconds; a lock left by a process that died is taken over, at once if it was one of this machine.
 * @param work its signal fires with the caller's, and if the lock was lost all the same (this process was asleep for long)
 * @throws StarlingError cancelled if the signal fires; conflict if the lock was lost; what the work throws
 */
export async function withFileLock<T>(
  file: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const token = randomUUID();
  while (!(await create(file, token))) {
    if (signal?.aborted) throw cancelled(file, signal);
    if (await takeAwayIfDead(file)) continue;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  let isLost = false;
  const heartbeat = setInterval(() => {
    void beat(file, token).then((isOurs) => {
      if (isOurs) return;
      isLost = true;
      stop.abort();
    });
  }, STALE_MS / 5);
  heartbeat.unref();
  try {
    return await work(stop.signal);
  } catch (error) {
    if (isLost)
      throw new StarlingError('conflict', `${file}: another process took this lock over`, {
        details: { file },
        cause: error,
      });
    throw error;
  } finally {
    clearInterval(heartbeat);
    signal?.removeEventListener('abort', abort);
    if ((await readHolder(file))?.token === token) await fs.rm(file, { force: true });
  }
}

/** Whether somebody who lives holds a lock file. */
export async function isLocked(file: string): Promise<boolean> {
  const exists = await fs.stat(file).then(
    () => true,
    () => false,
  );
  return exists && !(await isDead(file));
}

function cancelled(file: string, signal: AbortSignal): StarlingError {
  return new StarlingError('cancelled', `${file}: waiting for another download of the same file was cancelled`, {
    cause: signal.reason,
  });
}

async function create(file: string, token: string): Promise<boolean> {
  const holder: Holder = { token, pid: process.pid, host: os.hostname() };
  try {
    await fs.writeFile(file, JSON.stringify(holder), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Shows that the holder lives. @returns whether the lock is still its own */
async function beat(file: string, token: string): Promise<boolean> {
  if ((await readHolder(file))?.token !== token) return false;
  const now = new Date();
  await fs.utimes(file, now, now).catch(() => undefined);
  return true;
}

/** Takes a dead holder's lock away. A second lock sees to it that of several waiters one looks and takes at a time. */
async function takeAwayIfDead(file: string): Promise<boolean> {
  if (!(await isDead(file))) return false;
  const guard = `${file}.takeover`;
  if (!(await create(guard, randomUUID()))) {
    if (await isDead(guard)) await fs.rm(guard, { force: true });
    return false;
  }
  try {
    if (!(await isDead(file))) return false;
    await fs.rm(file, { force: true });
    return true;
  } finally {
    await fs.rm(guard, { force: true });
  }
}

async function isDead(file: string): Promise<boolean> {
  const stats = await fs.stat(file).catch(() => undefined);
  if (stats === undefined) return false;
  if (Date.now() - stats.mtimeMs > STALE_MS) return true;
  const holder = await readHolder(file);
  return holder !== undefined && holder.host === os.hostname() && !isRunning(holder.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await fs.readFile(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
