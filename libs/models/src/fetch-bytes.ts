import { StarlingError, bodyPieces, isStarlingError } from '@starling/core';
import { publicUrl, reasonOf, request, statusError, type RemoteFile } from './remote-file.js';

export interface FetchBytesOptions {
  readonly signal?: AbortSignal;
  /** A connection that brings no byte for so long is given up. */
  readonly stallMs: number;
}

/**
 * Fetches the bytes `[begin, end)` of a file and hands them on in order, each piece with its position. `end` undefined: all
 * there are, from a server that does not tell the size.
 * @returns the position after the last byte
 * @throws StarlingError download_failed when the server sends other bytes than asked for, cuts off, or stalls; conflict when the
 *   file is no longer the one that was probed; cancelled
 */
export async function fetchBytes(
  remote: RemoteFile,
  begin: number,
  end: number | undefined,
  take: (position: number, bytes: Uint8Array) => Promise<void>,
  { signal, stallMs }: FetchBytesOptions,
): Promise<number> {
  const fail = (why: string, cause?: unknown): StarlingError =>
    new StarlingError('download_failed', `${publicUrl(remote.url)}: ${why}`, {
      details: { url: publicUrl(remote.url), begin, end },
      cause,
    });
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  let stalled = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stalled = true;
      stop.abort();
    }, stallMs);
  };

  let position = begin;
  try {
    const range: Record<string, string> =
      remote.ranges && end !== undefined
        ? { range: `bytes=${begin}-${end - 1}`, ...(remote.etag ? { 'if-range': remote.etag } : {}) }
        : {};
    const response = await request(
      remote.url,
      { headers: { ...remote.headers, ...range, 'accept-encoding': 'identity' }, signal: stop.signal },
      stallMs,
    );
    watch();
    checkAnswer(response, remote, begin, end, fail);
    for await (const piece of bodyPieces(response, stop.signal)) {
      watch();
      if (end !== undefined && position + piece.length > end)
        throw fail(`the server sent more than the bytes ${begin} to ${end} it was asked for`);
      await take(position, piece);
      position += piece.length;
    }
  } catch (error) {
    if (!stop.signal.aborted)
      throw isStarlingError(error) ? error : fail(`the connection broke: ${reasonOf(error)}`, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    stop.abort();
  }
  if (signal?.aborted)
    throw new StarlingError('cancelled', `${publicUrl(remote.url)}: the download was cancelled`, {
      cause: signal.reason,
    });
  if (stalled) throw fail(`no byte came for ${stallMs} ms`);
  if (end !== undefined && position < end) throw fail(`the connection was cut at byte ${position} of ${end}`);
  return position;
}

function checkAnswer(
  response: Response,
  remote: RemoteFile,
  begin: number,
  end: number | undefined,
  fail: (why: string) => StarlingError,
): void {
  if (!remote.ranges || end === undefined) {
    if (response.status !== 200) throw statusError(remote.url, response);
    return;
  }
  if (response.status === 200 || response.status === 412 || response.status === 416) {
    throw new StarlingError('conflict', `${publicUrl(remote.url)}: the file changed while it was downloaded`, {
      details: { url: publicUrl(remote.url) },
    });
  }
  if (response.status !== 206) throw statusError(remote.url, response);
  const expected = `bytes ${begin}-${end - 1}/${remote.size}`;
  const received = response.headers.get('content-range');
  if (received !== expected) throw fail(`expected content-range ${expected}, received ${received}`);
}
