import { StarlingError, checkedProduct, checkedSum } from '@starling/core';

/**
 * The header of a spill record: which tokens its pages and states were computed from, and the checksum of each part.
 * All numbers are unsigned 32-bit integers, little-endian.
 *
 * | bytes | what |
 * |---|---|
 * | `[0, 8)` | `STARLKV` and a zero |
 * | `[8, 12)` | version of this format |
 * | `[12, 16)` | bytes of the header, H |
 * | `[16, 48)` | key of what pages depend on beside tokens |
 * | `[48, 80)` | key of whom it counts for |
 * | `[80, 116)` | tokens T, those before its pages, tokens of a page, bytes of a page, pages P, states S, bytes of the label L, bytes of the memo, its checksum |
 * | `[116, 116 + 4T)` | tokens |
 * | `+ 4P` | checksum of each page |
 * | `+ 12S` | position, bytes and checksum of each state |
 * | `+ L` | label, UTF-8 |
 * | `[H - 4, H)` | checksum of `[0, H - 4)` |
 * | `[H, ...)` | the pages one after another, then the states, then the memo (UTF-8) |
 */
export interface RecordHeader {
  /** 32 bytes: the key of everything that pages depend on beside tokens (weights, layout, adapters, tenant, salt). */
  readonly key: Uint8Array;
  /** 32 bytes: the key of whom it counts for where room is shared. */
  readonly owner: Uint8Array;
  readonly tokens: Uint32Array;
  /** Tokens before the first of its pages. */
  readonly from: number;
  readonly pageTokens: number;
  readonly pageBytes: number;
  /** By page: `ceil((tokens - from) / pageTokens)` of them. */
  readonly pageChecksums: Uint32Array;
  readonly states: readonly StateEntry[];
  /** What its owner calls it, for example the name of a session. */
  readonly label: string;
  readonly memo: { readonly bytes: number; readonly checksum: number };
}

/** A state beside the pages, valid after exactly `position` tokens. */
export interface StateEntry {
  readonly position: number;
  readonly bytes: number;
  readonly checksum: number;
}

/** A checksum of 32 bits, for example `zlib.crc32`. */
export type Checksum = (bytes: Uint8Array) => number;

/** Bytes from which the length of the whole header can be told. */
export const PREFIX_BYTES = 16;
export const KEY_BYTES = 32;
const OWNER_AT = PREFIX_BYTES + KEY_BYTES;
const NUMBERS_AT = OWNER_AT + KEY_BYTES;
const VERSION = 3;
const MAGIC = new Uint8Array([0x53, 0x54, 0x41, 0x52, 0x4c, 0x4b, 0x56, 0]);
const FIXED_BYTES = 116;
const FIXED_NUMBERS = 9;

/** Bounds of what is read from a file before its checksum is known to be right. */
export const RECORD_LIMITS = {
  /** 4 Mi tokens: far beyond every context; a header of 16 MiB. */
  tokens: 2 ** 22,
  /** States of one record: checkpoints are few. */
  states: 4096,
  /** The name of a session, 256 characters at most, and a little more. */
  labelBytes: 2048,
  /** A conversation as text. */
  memoBytes: 2 ** 26,
} as const;

/** Why a record cannot be used. `older` and `foreign` are no damage: another version, or no file of ours. */
export type RecordFault = 'damaged' | 'foreign' | 'version';

/** The bytes of a header. */
export function encodeHeader(header: RecordHeader, checksum: Checksum): Uint8Array {
  const label = new TextEncoder().encode(header.label);
  const { tokens, pageChecksums, states, memo } = header;
  const length = headerBytes(tokens.length, pageChecksums.length, states.length, label.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes.set(header.key, PREFIX_BYTES);
  bytes.set(header.owner, OWNER_AT);
  const fixed = [
    tokens.length,
    header.from,
    header.pageTokens,
    header.pageBytes,
    pageChecksums.length,
    states.length,
    label.length,
    memo.bytes,
    memo.checksum,
  ];
  view.setUint32(8, VERSION, true);
  view.setUint32(12, length, true);
  let at = NUMBERS_AT;
  const put = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  fixed.forEach(put);
  tokens.forEach(put);
  pageChecksums.forEach(put);
  for (const state of states) [state.position, state.bytes, state.checksum].forEach(put);
  bytes.set(label, at);
  view.setUint32(length - 4, checksum(bytes.subarray(0, length - 4)), true);
  return bytes;
}

/**
 * Bytes of the header that begins with `prefix`.
 * @param prefix at least `PREFIX_BYTES` bytes
 * @throws StarlingError invalid_argument with `details.fault`
 */
export function headerLength(prefix: Uint8Array): number {
  if (prefix.length < PREFIX_BYTES || MAGIC.some((byte, i) => prefix[i] !== byte))
    throw faulty('foreign', 'it does not begin as a record of keys and values does');
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw faulty('version', `it was written in version ${version} of the format, where ${VERSION} is read`);
  const length = view.getUint32(12, true);
  const longest = headerBytes(
    RECORD_LIMITS.tokens,
    RECORD_LIMITS.tokens,
    RECORD_LIMITS.states,
    RECORD_LIMITS.labelBytes,
  );
  if (length < FIXED_BYTES + 4 || length > longest)
    throw faulty('damaged', `its header cannot be ${length} bytes long`);
  return length;
}

/**
 * Reads a whole header. Every byte of it is under the checksum, which is looked at before anything is believed.
 * @throws StarlingError invalid_argument with `details.fault`
 */
export function decodeHeader(bytes: Uint8Array, checksum: Checksum): RecordHeader {
  const length = headerLength(bytes);
  if (bytes.length < length) throw faulty('damaged', `its header is cut at ${bytes.length} of ${length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (view.getUint32(length - 4, true) !== checksum(bytes.subarray(0, length - 4)))
    throw faulty('damaged', 'the checksum of its header is wrong');
  let at = NUMBERS_AT;
  const next = (): number => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const [tokenCount, from, pageTokens, pageBytes, pageCount, stateCount, labelLength, memoBytes, memoChecksum] =
    Array.from({ length: FIXED_NUMBERS }, next);
  const isSound =
    tokenCount <= RECORD_LIMITS.tokens &&
    pageTokens > 0 &&
    from % pageTokens === 0 &&
    pageCount === pagesAfter(from, tokenCount, pageTokens) &&
    stateCount <= RECORD_LIMITS.states &&
    labelLength <= RECORD_LIMITS.labelBytes &&
    memoBytes <= RECORD_LIMITS.memoBytes &&
    headerBytes(tokenCount, pageCount, stateCount, labelLength) === length;
  if (!isSound) throw faulty('damaged', 'its numbers of tokens, pages and states do not go together');
  const tokens = Uint32Array.from({ length: tokenCount }, next);
  const pageChecksums = Uint32Array.from({ length: pageCount }, next);
  const states = Array.from({ length: stateCount }, () => ({ position: next(), bytes: next(), checksum: next() }));
  if (states.some(({ position }) => position > tokenCount))
    throw faulty('damaged', `a state lies beyond its ${tokenCount} tokens`);
  const label = new TextDecoder().decode(bytes.subarray(at, at + labelLength));
  return {
    key: bytes.slice(PREFIX_BYTES, OWNER_AT),
    owner: bytes.slice(OWNER_AT, NUMBERS_AT),
    tokens,
    from,
    pageTokens,
    pageBytes,
    pageChecksums,
    states,
    label,
    memo: { bytes: memoBytes, checksum: memoChecksum },
  };
}

/** Pages of the positions `[from, tokens)`. */
const pagesAfter = (from: number, tokens: number, pageTokens: number): number =>
  Math.max(0, Math.ceil((tokens - from) / pageTokens));

/** Bytes of the header, and of the whole record. */
export function recordBytes({ tokens, pages, pageBytes, states, label, memoBytes }: RecordSizes): {
  readonly head: number;
  readonly all: number;
} {
  const context = { code: 'invalid_argument', what: 'bytes of a spill record' } as const;
  const head = headerBytes(tokens, pages, states.length, label);
  return { head, all: checkedSum([head, checkedProduct([pages, pageBytes], context), ...states, memoBytes], context) };
}

/** How large the parts of a record are; strings in bytes. */
export interface RecordSizes {
  readonly tokens: number;
  readonly pages: number;
  readonly pageBytes: number;
  readonly states: readonly number[];
  readonly label: number;
  readonly memoBytes: number;
}

function headerBytes(tokens: number, pages: number, states: number, label: number): number {
  return FIXED_BYTES + 4 * tokens + 4 * pages + 12 * states + label + 4;
}

/** The error for a record that is not used, with the fault in its details. */
export function faulty(fault: RecordFault, why: string): StarlingError {
  return new StarlingError('invalid_argument', `The record of keys and values cannot be used: ${why}.`, {
    details: { fault },
  });
}
