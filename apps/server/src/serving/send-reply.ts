import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppContext } from '../context.js';
import type { Dialect, Reply, StreamEvent } from '../dialects/dialect.js';
import { textPieces } from '../dialects/json-pieces.js';
import { errorReply } from './error-reply.js';
import { COMMENT, eventStream } from './event-stream.js';
import { sendFile } from './send-file.js';

/** How an answer is sent. */
export interface Sending {
  readonly dialect: Dialect;
  /** What was thrown, with the field named as the client named it. */
  readonly inTheirWords: (thrown: unknown) => unknown;
  /** Milliseconds of silence after which a stream says that it lives. */
  readonly heartbeatMs: number;
  /** Milliseconds for which a client may take nothing of its answer. */
  readonly stallMs: number;
  /** Has something said on a stream when it matters whether the client is there. */
  readonly whenLookedAt: (speak: () => void) => void;
  /** The client went away before the end. */
  readonly onGone: () => void;
  /** All was sent, or the client has gone. */
  readonly onEnd: () => void;
}

/** Sends what a route answers: a body, or a stream that is made as its reader takes it. */
export function sendReply(c: AppContext, reply: Reply, sending: Sending): Response | Promise<Response> {
  if (reply.kind === 'file') return sendFile(c, reply.path, sending);
  if (reply.kind === 'stream') return sendStream(c, reply, sending);
  if (reply.kind === 'pieces') return sendPieces(c, reply.pieces, sending);
  const text = reply.kind === 'json' ? JSON.stringify(reply.body) : reply.body;
  const headers =
    reply.kind === 'json'
      ? { 'content-type': 'application/json' }
      : { ...reply.headers, 'content-type': reply.contentType };
  if (text.length <= LONG_BODY) {
    sending.onEnd();
    return c.body(text, 200, headers);
  }
  // Handed over in pieces, so that it is seen when nobody takes them.
  const { body, ended } = eventStream(slices(text), { stallMs: sending.stallMs, onCancel: sending.onGone });
  c.set('streamEnd', ended.finally(sending.onEnd));
  return c.body(body, 200, { ...headers, 'content-length': String(Buffer.byteLength(text)) });
}

/** A long body is sent while it is made; others have their turns meanwhile. */
function sendPieces(c: AppContext, pieces: Iterable<string>, sending: Sending): Response | Promise<Response> {
  const made = pieces[Symbol.iterator]();
  let text = '';
  for (let piece = made.next(); ; piece = made.next()) {
    if (piece.done === true)
      return sendReply(c, { kind: 'text', body: text, contentType: 'application/json' }, sending);
    text += piece.value;
    if (text.length > LONG_BODY) break;
  }
  const { body, ended } = eventStream(inTurns(text, made), { stallMs: sending.stallMs, onCancel: sending.onGone });
  c.set('streamEnd', ended.finally(sending.onEnd));
  return c.body(body, 200, { 'content-type': 'application/json' });
}

/** Milliseconds for which pieces are made before others have their turn, and characters that are then written at once. */
const TURN_MS = 5;
const MANY = 1 << 18;

async function* inTurns(first: string, rest: Iterator<string>): AsyncGenerator<string> {
  let text = first;
  let since = performance.now();
  for (let piece = rest.next(); piece.done !== true; piece = rest.next()) {
    text += piece.value;
    if (text.length < MANY && performance.now() - since < TURN_MS) continue;
    yield text;
    text = '';
    await nextTurn();
    since = performance.now();
  }
  yield text;
}

/** Characters of a body that is handed over at once. */
const LONG_BODY = 65_536;

async function* slices(text: string): AsyncGenerator<string> {
  for (const piece of textPieces(text, LONG_BODY)) {
    yield piece;
    await nextTurn();
  }
}

type StreamReply = Extract<Reply, { kind: 'stream' }>;

function sendStream(c: AppContext, reply: StreamReply, sending: Sending): Response {
  const hasComments = reply.framing === 'events';
  const { body, ended } = eventStream(formatted(c, reply, sending), {
    ...(hasComments && { opening: ': ping\n\n', heartbeatMs: sending.heartbeatMs }),
    filler: hasComments ? COMMENT : '\n',
    whenLookedAt: sending.whenLookedAt,
    stallMs: sending.stallMs,
    onCancel: sending.onGone,
  });
  c.set('streamEnd', ended.finally(sending.onEnd));
  return c.body(body, 200, {
    'content-type': hasComments ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson',
    'cache-control': 'no-cache',
    // Proxies must pass each event on as it comes.
    'x-accel-buffering': 'no',
  });
}

/** The events as they go over the wire. What fails after the stream has begun becomes its last event. */
async function* formatted(
  c: AppContext,
  { events, framing }: StreamReply,
  { dialect, inTheirWords }: Sending,
): AsyncGenerator<string> {
  const format = framing === 'events' ? formatEvent : formatLine;
  try {
    for await (const event of events) yield* inLines(format(event));
  } catch (error) {
    const { facts, isFault } = errorReply(inTheirWords(error), dialect.errors, c.get('requestId'));
    c.set('errorCode', facts.code);
    if (isFault) c.get('log').error({ err: error }, 'stream failed');
    yield* inLines(format({ event: dialect.errorEvent, data: dialect.errorBody(facts) }));
  }
}

/** What JSON leaves as it is within texts, and readers of lines take for the end of one, as Python's `splitlines` does. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** JSON of a stream, every line of which is one to all clients. */
function* inLines(texts: Iterable<string>): Generator<string> {
  for (const text of texts)
    yield text.replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function* formatEvent({ event, data }: StreamEvent): Generator<string> {
  const begin = `${event === undefined ? '' : `event: ${event}\n`}data: `;
  if (!isPieces(data)) {
    yield `${begin}${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
    return;
  }
  yield begin;
  yield* data;
  yield '\n\n';
}

function* formatLine({ data }: StreamEvent): Generator<string> {
  yield `${JSON.stringify(data)}\n`;
}

const isPieces = (data: StreamEvent['data']): data is Iterable<string> =>
  typeof data === 'object' && !Array.isArray(data) && Symbol.iterator in data;
