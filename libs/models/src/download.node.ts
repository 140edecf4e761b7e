import { StarlingError, isStarlingError, messageOf } from '@starling/core';
import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchBytes } from './fetch-bytes.js';
import { withFileLock } from './file-lock.node.js';
import { PartialFile } from './partial-file.node.js';
import { probe, publicUrl, type RemoteFile } from './remote-file.js';
import { sha256File } from './sha256.node.js';

export interface DownloadProgress {
  readonly phase: 'download' | 'verify';
  readonly bytes: number;
  readonly totalBytes?: number;
}

export interface DownloadOptions {
  /** What the file must be; otherwise what the server says of it is held against it. */
  readonly sha256?: string;
  readonly size?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether an entity tag of 64 hexadecimal digits is the file's SHA-256: so hubs mean it, other servers may not. */
  readonly trustEtag?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Whether a file that has the final name already will do; otherwise it is replaced. Default: it will. */
  readonly accept?: () => Promise<boolean>;
  /** Called with the complete file's facts, right before it gets its final name and while others still wait for it. */
  readonly complete?: (result: DownloadResult) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Parts fetched at the same time. Default 4. */
  readonly parallel?: number;
  /** Default 16 MiB. */
  readonly chunkBytes?: number;
  /** Failures in a row, without a byte in between, before it is given up. Default 5. */
  readonly retries?: number;
  /** Pause after the first failure; doubled for each further one. Default 500. */
  readonly retryDelayMs?: number;
  /** A connection that brings no byte for so long is given up and tried again. Default 30,000. */
  readonly stallMs?: number;
}

export interface DownloadResult {
  readonly sha256: string;
  readonly size: number;
}

/** What the finished file must be. */
interface Wanted {
  readonly size?: number;
  readonly sha256?: string;
}

const STALL_MS = 30_000;
const MAX_PAUSE_MS = 30_000;

/**
 * Downloads a file: in parallel parts where the server can, going on after cuts (also those of an earlier process), checked
 * against size and SHA-256, and only then under its final name. Several processes may download the same file: one does it,
 * the others wait.
 * @returns undefined when the file is there already, for example because another process completed it while this one waited
 * @throws StarlingError download_failed, checksum_mismatch, not_found, forbidden, conflict, cancelled
 */
export async function download(
  url: string,
  finalPath: string,
  options: DownloadOptions = {},
): Promise<DownloadResult | undefined> {
  const folder = path.dirname(finalPath);
  let made: string | undefined;
  try {
    made = await fs.mkdir(folder, { recursive: true });
    return await withFileLock(
      `${finalPath}.lock`,
      (signal) => downloadLocked(url, finalPath, { ...options, signal }),
      options.signal,
    );
  } catch (error) {
    if (made !== undefined) await removeEmpty(folder, made);
    if (options.signal?.aborted)
      throw new StarlingError('cancelled', `${publicUrl(url)}: the download was cancelled`, { cause: error });
    if (isStarlingError(error)) throw error;
    throw new StarlingError('download_failed', `${finalPath}: cannot be written (${messageOf(error)})`, {
      details: { file: finalPath },
      cause: error,
    });
  }
}

/** Takes a folder away, and those around it up to `last`, as far as nothing is in them. */
async function removeEmpty(folder: string, last: string): Promise<void> {
  try {
    for (let at = folder; at.startsWith(last); at = path.dirname(at)) await fs.rmdir(at);
  } catch {
    // Something is in it: what came of the download so far, or of another.
  }
}

async function downloadLocked(
  url: string,
  finalPath: string,
  options: DownloadOptions,
): Promise<DownloadResult | undefined> {
  if (await exists(finalPath)) {
    if ((await options.accept?.()) ?? true) return undefined;
    await fs.rm(finalPath);
  }
  const remote = await withRetries(options, () => probeFor(url, options));
  const wanted = {
    size: options.size ?? remote.size,
    sha256: options.sha256?.toLowerCase() ?? remote.sha256 ?? (options.trustEtag ? remote.etagSha256 : undefined),
  };
  if (remote.size !== undefined && remote.size !== wanted.size) {
    throw new StarlingError(
      'download_failed',
      `${publicUrl(url)}: expected ${wanted.size} bytes, the server has ${remote.size}`,
      {
        details: { url: publicUrl(url), expected: wanted.size, received: remote.size },
      },
    );
  }
  await checkSpace(finalPath, wanted.size ?? 0);
  return remote.ranges && wanted.size !== undefined
    ? await downloadParts(url, remote, finalPath, { size: wanted.size, sha256: wanted.sha256 }, options)
    : await downloadWhole(url, remote, finalPath, wanted, options);
}

async function downloadParts(
  url: string,
  remote: RemoteFile,
  finalPath: string,
  wanted: Wanted & { readonly size: number },
  options: DownloadOptions,
): Promise<DownloadResult> {
  const { etag, lastModified } = remote;
  const part = await PartialFile.open(`${finalPath}.part`, {
    url,
    size: wanted.size,
    etag,
    lastModified,
    sha256: wanted.sha256,
    chunkBytes: options.chunkBytes ?? 16 << 20,
  });
  const wasResumed = part.receivedBytes > 0;
  try {
    await fetchChunks(url, remote, part, options);
  } catch (error) {
    await part.close();
    // The rest of another version of the file is of no use.
    if (isStarlingError(error, 'conflict')) await part.discard();
    throw error;
  }
  await part.close();
  const sha256 = await hashed(part.path, wanted.size, options);
  if (wanted.sha256 !== undefined && sha256 !== wanted.sha256) {
    await part.discard();
    // What an earlier attempt left may have been of another file; then the server deserves a second look.
    if (wasResumed) return downloadParts(url, remote, finalPath, wanted, options);
    throw mismatch(url, wanted.sha256, sha256);
  }
  await options.complete?.({ sha256, size: wanted.size });
  await part.finish(finalPath);
  return { sha256, size: wanted.size };
}

/** Brings what a partial file lacks, several chunks at a time; the first failure ends them all. */
async function fetchChunks(url: string, first: RemoteFile, part: PartialFile, options: DownloadOptions): Promise<void> {
  const stop = new AbortController();
  const abort = (): void => stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  const stoppable = { ...options, signal: stop.signal };
  let remote = first;
  let next = 0;

  const fetchChunk = async (chunk: number): Promise<void> => {
    let hasFailed = false;
    await withRetries(stoppable, async (progressed) => {
      const range = part.missing(chunk);
      if (range === undefined) return;
      // Where a hub redirects to is valid for a while only: after a failure the way is asked for again.
      if (hasFailed) remote = same(await probeFor(url, stoppable), first);
      hasFailed = true;
      const take = async (position: number, bytes: Uint8Array): Promise<void> => {
        await part.write(chunk, position, bytes);
        progressed();
        options.onProgress?.({ phase: 'download', bytes: part.receivedBytes, totalBytes: part.journal.size });
      };
      await fetchBytes(remote, range.begin, range.end, take, {
        signal: stop.signal,
        stallMs: options.stallMs ?? STALL_MS,
      });
    });
  };
  const worker = async (): Promise<void> => {
    for (let chunk = next++; chunk < part.journal.received.length; chunk = next++) await fetchChunk(chunk);
  };
  const workers = Array.from({ length: options.parallel ?? 4 }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(workers);
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** The file as it is found now, if it is still the one that was begun. @throws StarlingError conflict */
function same(now: RemoteFile, before: RemoteFile): RemoteFile {
  if (
    now.size === before.size &&
    now.ranges &&
    (now.etag === undefined || before.etag === undefined || now.etag === before.etag)
  )
    return now;
  throw new StarlingError('conflict', `${publicUrl(now.url)}: the file changed while it was downloaded`, {
    details: { url: publicUrl(now.url) },
  });
}

/** For servers without ranges: from the start, in one piece; a cut begins it again. */
async function downloadWhole(
  url: string,
  remote: RemoteFile,
  finalPath: string,
  wanted: Wanted,
  options: DownloadOptions,
): Promise<DownloadResult> {
  const partPath = `${finalPath}.part`;
  try {
    const size = await withRetries(options, async () => {
      const file = await fs.open(partPath, 'w');
      try {
        const take = async (position: number, bytes: Uint8Array): Promise<void> => {
          await file.writeFile(bytes);
          options.onProgress?.({ phase: 'download', bytes: position + bytes.length, totalBytes: wanted.size });
        };
        const end = await fetchBytes(remote, 0, wanted.size, take, {
          signal: options.signal,
          stallMs: options.stallMs ?? STALL_MS,
        });
        await file.sync();
        return end;
      } finally {
        await file.close();
      }
    });
    const sha256 = await hashed(partPath, size, options);
    if (wanted.sha256 !== undefined && sha256 !== wanted.sha256) throw mismatch(url, wanted.sha256, sha256);
    await options.complete?.({ sha256, size });
    await fs.rename(partPath, finalPath);
    return { sha256, size };
  } catch (error) {
    await fs.rm(partPath, { force: true });
    throw error;
  }
}

function probeFor(url: string, { headers = {}, signal, stallMs = STALL_MS }: DownloadOptions): Promise<RemoteFile> {
  return probe(url, headers, { signal, timeoutMs: stallMs });
}

function hashed(file: string, totalBytes: number, { onProgress, signal }: DownloadOptions): Promise<string> {
  return sha256File(file, { signal, onProgress: (bytes) => onProgress?.({ phase: 'verify', bytes, totalBytes }) });
}

function mismatch(url: string, expected: string, received: string): StarlingError {
  return new StarlingError(
    'checksum_mismatch',
    `${publicUrl(url)}: expected SHA-256 ${expected}, received ${received}; the download was thrown away`,
    {
      details: { url: publicUrl(url), expected, received },
    },
  );
}

/** Refuses a download that the disk has no room for; what an earlier attempt has filled counts as room. */
async function checkSpace(finalPath: string, size: number): Promise<void> {
  const folder = path.dirname(finalPath);
  const { bavail, bsize } = await fs.statfs(folder);
  const filled = await fs.stat(`${finalPath}.part`).then(
    (info) => info.blocks * 512,
    () => 0,
  );
  const room = bavail * bsize + filled;
  if (room >= size) return;
  throw new StarlingError('download_failed', `${folder}: has room for ${room} bytes, where ${size} are needed`, {
    details: { folder, room, size, final: true },
  });
}

/** Repeats what fails in a way that may pass, with growing pauses (or those a server asks for); a byte that came in between resets the count. */
async function withRetries<T>(
  { retries = 5, retryDelayMs = 500, signal }: DownloadOptions,
  attempt: (progressed: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => (failures = 0));
    } catch (error) {
      if (
        signal?.aborted ||
        !isStarlingError(error, 'download_failed') ||
        error.details.final === true ||
        ++failures > retries
      )
        throw error;
      const asked = typeof error.details.retryAfterMs === 'number' ? error.details.retryAfterMs : 0;
      // Spread, so that the parts do not all come back at once.
      const pause = Math.max(asked, retryDelayMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2));
      await sleep(Math.min(pause, MAX_PAUSE_MS), undefined, { signal });
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}
