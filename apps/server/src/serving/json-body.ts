import { setImmediate as nextTurn } from 'node:timers/promises';
import { isStarlingError, messageOf, StarlingError } from '@starling/core';
import type { AppContext } from '../context.js';
import { structureSteps } from './body-structure.js';
import { valueSteps } from './body-value.js';

/** A longer body, in bytes, is taken as it comes and parsed in several turns of the thread. */
const LONG_BODY = 1 << 16;
/** Milliseconds after which others have their turn. */
const TURN_MS = 3;

/** What bodies a route takes beside those that say they are JSON. */
export interface BodyTerms {
  /** Whether it may come as `curl -d` sends it, which says nothing of JSON. */
  readonly takesUntyped?: boolean;
  /** Whether there may be none: it is then an object without fields. */
  readonly isOptional?: boolean;
}

/**
 * The request's body, parsed.
 * @param limitBytes the most that is read of it
 * @throws StarlingError unsupported_media_type, request_too_large, invalid_json, or invalid_request if it nests too deeply or has too many values
 */
export async function jsonBody(
  c: AppContext,
  limitBytes: number,
  { takesUntyped = false, isOptional = false }: BodyTerms = {},
): Promise<unknown> {
  const type = c.req.header('content-type');
  // Pages of other sites can send such bodies unasked: their browsers name an origin.
  const isOwn = c.req.header('origin') === undefined;
  if (isOptional && isOwn && type === undefined && isEmpty(c)) return {};
  if (!takesUntyped || !isUntyped(type) || !isOwn) requireJson(type);
  requirePlain(c.req.header('content-encoding'));
  const bytes = await readBytes(c, limitBytes).catch((error: unknown) => {
    throw isStarlingError(error)
      ? error
      : new StarlingError('cancelled', 'the client went away while sending its body', { cause: error });
  });
  const structure = await inTurns(structureSteps(bytes));
  if (bytes.byteLength <= LONG_BODY) return parsed(bytes);
  const value = await inTurns(valueSteps(bytes, structure));
  // Looking at all that it holds takes as long again.
  await nextTurn();
  return value;
}

/** Work with stops on its way: others have their turns there. */
async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  let since = performance.now();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (performance.now() - since < TURN_MS) continue;
    await nextTurn();
    since = performance.now();
  }
}

function parsed(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new StarlingError('invalid_json', 'the body is not UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StarlingError('invalid_json', `the body is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

const isEmpty = (c: AppContext): boolean =>
  (c.req.header('content-length') ?? '0') === '0' && c.req.header('transfer-encoding') === undefined;

const isUntyped = (header: string | undefined): boolean =>
  header === undefined || header.toLowerCase() === 'application/x-www-form-urlencoded';

function requireJson(header: string | undefined): void {
  const [type, ...parameters] = (header ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice('charset='.length)
    .replaceAll('"', '');
  if (type !== 'application/json' && !/^application\/[\w.-]+\+json$/.test(type)) {
    throw new StarlingError(
      'unsupported_media_type',
      `expected content-type application/json, received ${type || 'none'}`,
    );
  }
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new StarlingError('unsupported_media_type', `expected charset utf-8, received ${charset}`);
  }
}

function requirePlain(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  throw new StarlingError('unsupported_media_type', `expected a body without content-encoding, received ${encoding}`);
}

async function readBytes(c: AppContext, limitBytes: number): Promise<Uint8Array> {
  const declared = Number(c.req.header('content-length') ?? NaN);
  if (declared > limitBytes) throw tooLarge(limitBytes, declared);
  if (declared <= LONG_BODY) return new Uint8Array(await c.req.arrayBuffer());
  return readStream(c.req.raw.body, limitBytes, Number.isNaN(declared) ? undefined : declared);
}

/** Reads a body, no further than the limit: into its place where it has told its length, so that a long one is not copied at once. */
async function readStream(
  body: ReadableStream<Uint8Array> | null,
  limitBytes: number,
  declared: number | undefined,
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  let bytes = new Uint8Array(declared ?? LONG_BODY);
  let length = 0;
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const end = length + part.value.length;
    if (end > limitBytes) {
      await reader.cancel();
      throw tooLarge(limitBytes);
    }
    if (end > bytes.length) {
      const longer = new Uint8Array(Math.min(limitBytes, Math.max(end, 2 * bytes.length)));
      longer.set(bytes.subarray(0, length));
      bytes = longer;
    }
    bytes.set(part.value, length);
    length = end;
  }
  return bytes.subarray(0, length);
}

function tooLarge(limitBytes: number, receivedBytes?: number): StarlingError {
  const received = receivedBytes === undefined ? 'more' : `${receivedBytes}`;
  return new StarlingError('request_too_large', `a body may have at most ${limitBytes} bytes; received ${received}`, {
    details: { limitBytes, receivedBytes },
  });
}
