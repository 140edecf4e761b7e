import { StarlingError, isStarlingError } from '@starling/core';
import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchBytes } from './fetch-bytes.js';
import { withFileLock } from './file-lock.node.js';
import { PartialFile } from './partial-file.node.js';
import { probe, type RemoteFile } from './remote-file.js';
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

/**
 * Downloads a file: in parallel parts where the server can, going on after cuts (also those of an earlier process), checked
 * against size and SHA-256, and only then under its final name. Several processes may download the same file: one does it,
 * the others wait.
 * @returns undefined when the file is there already, for example because another process completed it while this one waited
 * @throws StarlingError download_failed, checksum_mismatch, not_found, forbidden, cancelled
 */
export async function download(url: string, finalPath: string, options: DownloadOptions = {}): Promise<DownloadResult | undefined> {
  await fs.mkdir(path.dirname(finalPath), { recursive: true });
  return withFileLock(
    `${finalPath}.lock`,
    async () => {
      if (await exists(finalPath)) {
        if ((await options.accept?.()) ?? true) return undefined;
        await fs.rm(finalPath);
      }
      const remote = await withRetries(options, () => probe(url, options.headers ?? {}, { signal: options.signal, timeoutMs: options.stallMs ?? 30_000 }));
      const wanted = { size: options.size ?? remote.size, sha256: options.sha256?.toLowerCase() ?? remote.sha256 };
      if (remote.size !== undefined && wanted.size !== undefined && remote.size !== wanted.size) {
        throw new StarlingError('download_failed', `${url}: expected ${wanted.size} bytes, the server has ${remote.size}`, { details: { url, expected: wanted.size, received: remote.size } });
      }
      return remote.ranges && wanted.size !== undefined
        ? await downloadParts(url, remote, finalPath, { size: wanted.size, sha256: wanted.sha256 }, options)
        : await downloadWhole(url, remote, finalPath, wanted, options);
    },
    options.signal,
  );
}

async function downloadParts(url: string, remote: RemoteFile, finalPath: string, wanted: { size: number; sha256?: string }, options: DownloadOptions): Promise<DownloadResult> {
  const chunkBytes = options.chunkBytes ?? 16 << 20;
  const part = await PartialFile.open(`${finalPath}.part`, { url, size: wanted.size, etag: remote.etag, sha256: wanted.sha256, chunkBytes });
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  let next = 0;
  const fetchChunks = async (): Promise<void> => {
    for (let chunk = next++; chunk < part.journal.received.length; chunk = next++) await fetchChunk(chunk);
  };
  const fetchChunk = (chunk: number): Promise<void> =>
    withRetries(options, async (progressed) => {
      const range = part.missing(chunk);
      if (!range) return;
      await fetchBytes(
        remote,
        range.begin,
        range.end,
        async (position, bytes) => {
          await part.write(chunk, position, bytes);
          progressed();
          options.onProgress?.({ phase: 'download', bytes: part.receivedBytes, totalBytes: wanted.size });
        },
        { signal, stallMs: options.stallMs ?? 30_000 },
      );
    });

  const fetchers = Array.from({ length: options.parallel ?? 4 }, fetchChunks);
  try {
    await Promise.all(fetchers);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(fetchers);
    await part.save();
    await part.close();
    // The rest of another version of the file is of no use.
    if (isStarlingError(error, 'conflict')) await part.discard();
    throw error;
  }
  await part.close();
  const sha256 = await verified(url, part.path, wanted.sha256, options, () => part.discard());
  await options.complete?.({ sha256, size: wanted.size });
  await part.finish(finalPath);
  return { sha256, size: wanted.size };
}

/** For servers without ranges: from the start, in one piece; a cut begins it again. */
async function downloadWhole(url: string, remote: RemoteFile, finalPath: string, wanted: { size?: number; sha256?: string }, options: DownloadOptions): Promise<DownloadResult> {
  const partPath = `${finalPath}.part`;
  const size = await withRetries(options, async () => {
    const file = await fs.open(partPath, 'w');
    try {
      return await fetchBytes(
        remote,
        0,
        wanted.size,
        async (position, bytes) => {
          await file.writeFile(bytes);
          options.onProgress?.({ phase: 'download', bytes: position + bytes.length, totalBytes: wanted.size });
        },
        { signal: options.signal, stallMs: options.stallMs ?? 30_000 },
      );
    } finally {
      await file.sync();
      await file.close();
    }
  }).catch(async (error: unknown) => {
    await fs.rm(partPath, { force: true });
    throw error;
  });
  const sha256 = await verified(url, partPath, wanted.sha256, options, () => fs.rm(partPath, { force: true }));
  await options.complete?.({ sha256, size });
  await fs.rename(partPath, finalPath);
  return { sha256, size };
}

/** Checks the bytes on disk; what is wrong is thrown away. */
async function verified(url: string, file: string, expected: string | undefined, { onProgress, signal }: DownloadOptions, discard: () => Promise<void>): Promise<string> {
  const sha256 = await sha256File(file, { signal, onProgress: (bytes) => onProgress?.({ phase: 'verify', bytes }) });
  if (expected !== undefined && sha256 !== expected) {
    await discard();
    throw new StarlingError('checksum_mismatch', `${url}: expected SHA-256 ${expected}, received ${sha256}; the download was thrown away`, { details: { url, expected, received: sha256 } });
  }
  return sha256;
}

/** Repeats what fails in a way that may pass, with growing pauses; a byte that came in between resets the count. */
async function withRetries<T>({ retries = 5, retryDelayMs = 500, signal }: DownloadOptions, attempt: (progressed: () => void) => Promise<T>): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => (failures = 0));
    } catch (error) {
      if (signal?.aborted || !isStarlingError(error, 'download_failed') || ++failures > retries) throw error;
      await sleep(Math.min(retryDelayMs * 2 ** (failures - 1), 30_000));
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}
