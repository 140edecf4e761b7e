import { StarlingError } from '@starling/core';
import { Worker } from 'node:worker_threads';

/**
 * Runs in a worker: reads a file piece by piece and posts how far it is, then the digest. Plain text, so that it needs no file of its
 * own; with imports that work as script and as module, as the flags of the process may make it either.
 */
const WORKER_SOURCE = `
Promise.all([import('node:worker_threads'), import('node:crypto'), import('node:fs')]).then(([{ parentPort, workerData }, { createHash }, fs]) => {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(4 << 20);
  const file = fs.openSync(workerData.path, 'r');
  let bytes = 0;
  for (;;) {
    const count = fs.readSync(file, piece, 0, piece.length, null);
    if (count === 0) break;
    hash.update(piece.subarray(0, count));
    bytes += count;
    parentPort.postMessage({ bytes });
  }
  fs.closeSync(file);
  parentPort.postMessage({ sha256: hash.digest('hex') });
});
`;

export interface HashOptions {
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The SHA-256 of a file, in hex. It is read in pieces, in a worker thread: the caller's event loop stays free.
 * @throws StarlingError file_not_found if it cannot be read, cancelled if the signal fires
 */
export async function sha256File(path: string, { onProgress, signal }: HashOptions = {}): Promise<string> {
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: { path }, execArgv: [] });
  let cancel = (): void => undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      cancel = () => reject(new StarlingError('cancelled', `${path}: hashing was cancelled`));
      if (signal?.aborted) return cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      worker.on('message', ({ bytes, sha256 }: { bytes?: number; sha256?: string }) => {
        if (bytes !== undefined) onProgress?.(bytes);
        if (sha256 !== undefined) resolve(sha256);
      });
      worker.on('exit', (code) =>
        reject(new StarlingError('worker_failed', `${path}: hashing ended with code ${code}`)),
      );
      worker.on('error', (cause) =>
        reject(new StarlingError('file_not_found', `${path}: it cannot be read: ${cause.message}`, { cause })),
      );
    });
  } finally {
    // The signal may live much longer than the hashing of one file.
    signal?.removeEventListener('abort', cancel);
    await worker.terminate();
  }
}
