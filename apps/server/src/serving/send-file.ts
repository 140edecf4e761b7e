import fs from 'node:fs/promises';
import { StarlingError } from '@starling/core';
import type { AppContext } from '../context.js';
import type { Dialect } from '../dialects/dialect.js';
import { byteRange, type ByteRange } from './byte-range.js';
import { errorReply } from './error-reply.js';
import { eventStream } from './event-stream.js';

/** How a file is sent. */
interface FileSending {
  /** Whose words errors have. */
  readonly dialect: Dialect;
  /** Milliseconds for which a client may take nothing of it. */
  readonly stallMs: number;
  /** The client went away before the end. */
  readonly onGone: () => void;
  /** All was sent, or the client has gone. */
  readonly onEnd: () => void;
}

/** Bytes that are read at a time, each time that the client has taken what was read before. */
const PIECE_BYTES = 2 ** 18;

/** It is for pages of this server alone, and they keep it themselves. */
const FILE_HEADERS = {
  'accept-ranges': 'bytes',
  'cache-control': 'private, no-store',
  'cross-origin-resource-policy': 'same-origin',
  'content-type': 'application/octet-stream',
};

/** What the operator lets pages of other origins read is not this. */
const CORS_HEADERS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
];

/**
 * Sends a file, or a range of it, as its reader takes it.
 * @throws StarlingError not_found if it is no file any more; the path is not told
 */
export async function sendFile(c: AppContext, path: string, sending: FileSending): Promise<Response> {
  const file = await openFile(path);
  try {
    for (const name of CORS_HEADERS) c.header(name, undefined);
    const { size, etag } = await shapeOf(file);
    const headers = { ...FILE_HEADERS, etag };
    if (isKnown(c.req.header('if-none-match'), etag)) return await sendNone(c, 304, headers, file, sending);
    // Ranges are for GET alone; and for the file alone that the client has the beginning of.
    const isHead = c.req.method === 'HEAD';
    const isRange = !isHead && (c.req.header('if-range') ?? etag) === etag;
    const range = isRange ? byteRange(c.req.header('range'), size) : 'whole';
    if (range === 'refused') return await refuseRange(c, size, file, sending);
    const { first, last } = range === 'whole' ? { first: 0, last: size - 1 } : range;
    const whole = {
      ...headers,
      'content-length': String(last - first + 1),
      ...(range !== 'whole' && { 'content-range': `bytes ${first}-${last}/${size}` }),
    };
    const status = range === 'whole' ? 200 : 206;
    if (isHead || size === 0) return await sendNone(c, status, whole, file, sending);
    const { body, ended } = eventStream(piecesOf(file, { first, last }), {
      stallMs: sending.stallMs,
      onCancel: sending.onGone,
    });
    // Reads under way come to their end first.
    const closed = ended
      .then(() => file.close())
      .catch((error: unknown) => c.get('log').warn({ err: error }, 'a file could not be closed'));
    c.set('streamEnd', closed.finally(sending.onEnd));
    return c.body(body, status, whole);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(path, 'r');
  } catch (cause) {
    throw new StarlingError('not_found', 'the file of the model cannot be read any more', { cause });
  }
}

/** Its bytes, and a tag that changes when they do: by when it was written last, since reading it whole would take long. */
async function shapeOf(file: fs.FileHandle): Promise<{ readonly size: number; readonly etag: string }> {
  const stat = await file.stat({ bigint: true });
  if (!stat.isFile()) throw new StarlingError('not_found', 'the file of the model is no file any more');
  return { size: Number(stat.size), etag: `"${stat.size.toString(36)}-${stat.mtimeNs.toString(36)}"` };
}

const isKnown = (header: string | undefined, etag: string): boolean =>
  header !== undefined && header.split(',').some((tag) => [etag, '*'].includes(tag.trim().replace(/^W\//, '')));

async function* piecesOf(file: fs.FileHandle, { first, last }: ByteRange): AsyncGenerator<Uint8Array> {
  for (let at = first; at <= last; ) {
    // One of its own: the last one may still be on its way.
    const piece = new Uint8Array(Math.min(PIECE_BYTES, last + 1 - at));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) throw new StarlingError('internal', 'the file of a model became shorter while it was sent');
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

async function sendNone(
  c: AppContext,
  status: 200 | 206 | 304,
  headers: Readonly<Record<string, string>>,
  file: fs.FileHandle,
  { onEnd }: FileSending,
): Promise<Response> {
  await file.close();
  onEnd();
  return c.body(null, status, headers);
}

async function refuseRange(
  c: AppContext,
  size: number,
  file: fs.FileHandle,
  { dialect, onEnd }: FileSending,
): Promise<Response> {
  await file.close();
  onEnd();
  const error = new StarlingError(
    'invalid_request',
    `range: the file has bytes 0 to ${size - 1}; ask for one range of them, as in "bytes=0-1023"`,
    { details: { param: 'range' } },
  );
  const { facts } = errorReply(error, dialect.errors, c.get('requestId'));
  c.set('errorCode', facts.code);
  return c.body(JSON.stringify(dialect.errorBody({ ...facts, status: 416 })), 416, {
    'content-type': 'application/json',
    'content-range': `bytes */${size}`,
  });
}
