import { StarlingError, isStarlingError, messageOf } from '@starling/core';
import { request, type RemoteFile } from './remote-file.js';

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
  const fail = (why: string, cause?: unknown): StarlingError => new StarlingError('download_failed', `${remote.url}: ${why}`, { details: { url: remote.url, begin, end }, cause });
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  signal?.addEventListener('abort', abort, { once: true });
  let stalled = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stalled = true;
      stop.abort();
    }, stallMs);
  };

  try {
    const range: Record<string, string> = remote.ranges && end !== undefined ? { range: `bytes=${begin}-${end - 1}`, ...(remote.etag ? { 'if-range': remote.etag } : {}) } : {};
    const response = await request(remote.url, { headers: { ...remote.headers, ...range, 'accept-encoding': 'identity' }, signal: stop.signal }, stallMs);
    checkAnswer(response, remote, begin, end, fail);
    watch();
    let position = begin;
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      watch();
      if (end !== undefined && position + value.length > end) throw fail(`the server sent more than the bytes ${begin} to ${end} it was asked for`);
      await take(position, value);
      position += value.length;
    }
    if (end !== undefined && position < end) throw fail(`the connection was cut at byte ${position} of ${end}`);
    return position;
  } catch (error) {
    if (signal?.aborted) throw new StarlingError('cancelled', `${remote.url}: the download was cancelled`, { cause: error });
    if (stalled) throw fail(`no byte came for ${stallMs} ms`, error);
    throw isStarlingError(error) ? error : fail(`the connection broke: ${messageOf(error)}`, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    stop.abort();
  }
}

function checkAnswer(response: Response, remote: RemoteFile, begin: number, end: number | undefined, fail: (why: string) => StarlingError): void {
  if (!remote.ranges || end === undefined) {
    if (response.status !== 200) throw fail(`the server answered ${response.status}`);
    return;
  }
  if (response.status === 200 || response.status === 412 || response.status === 416) {
    throw new StarlingError('conflict', `${remote.url}: the file changed while it was downloaded`, { details: { url: remote.url } });
  }
  if (response.status !== 206) throw fail(`the server answered ${response.status}`);
  const expected = `bytes ${begin}-${end - 1}/${remote.size}`;
  const received = response.headers.get('content-range');
  if (received !== expected) throw fail(`expected content-range ${expected}, received ${received}`);
}
