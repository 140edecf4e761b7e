import fs from 'node:fs/promises';
import zlib from 'node:zlib';
import { StarlingError, messageOf, isStarlingError } from '@starling/core';
import {
  PREFIX_BYTES,
  RECORD_LIMITS,
  decodeHeader,
  encodeHeader,
  faulty,
  headerLength,
  recordBytes,
  type RecordHeader,
} from './record-header.js';
import type { DropReason, SpillRecord } from './spill-store.js';
import { temporaryOf } from './temporary-files.node.js';

const checksum = (bytes: Uint8Array): number => zlib.crc32(bytes);

/**
 * Bytes that a record's file will have.
 * @throws StarlingError invalid_argument for one that is beyond the limits of the format
 */
export function fileBytes(record: SpillRecord): { readonly head: number; readonly all: number } {
  const label = Buffer.byteLength(record.label);
  const memoBytes = Buffer.byteLength(record.memo);
  if (
    record.tokens.length > RECORD_LIMITS.tokens ||
    record.states.length > RECORD_LIMITS.states ||
    label > RECORD_LIMITS.labelBytes ||
    memoBytes > RECORD_LIMITS.memoBytes
  ) {
    throw new StarlingError(
      'invalid_argument',
      `a record of ${record.tokens.length} tokens, ${record.states.length} states, a label of ${label} bytes and a memo of ${memoBytes} is beyond what the format holds`,
    );
  }
  return recordBytes({
    tokens: record.tokens.length,
    pages: record.pages.length,
    pageBytes: record.pages[0]?.length ?? 0,
    states: record.states.map(({ bytes }) => bytes.length),
    label,
    memoBytes,
  });
}

/**
 * Writes a record so that the path has either all of it or what was there before: to a file beside it, which is then renamed. Parts are
 * written one after another, each with its checksum taken on the way, so that nothing here keeps the thread for long; the header comes last.
 */
export async function writeRecord(path: string, record: SpillRecord): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const file = await fs.open(temporary, 'wx', 0o600);
    try {
      const memo = Buffer.from(record.memo);
      let at = fileBytes(record).head;
      const put = async (part: Uint8Array): Promise<number> => {
        await writeAt(file, part, at);
        at += part.length;
        return checksum(part);
      };
      const pageChecksums: number[] = [];
      for (const page of record.pages) pageChecksums.push(await put(page));
      const states: { position: number; bytes: number; checksum: number }[] = [];
      for (const { position, bytes } of record.states)
        states.push({ position, bytes: bytes.length, checksum: await put(bytes) });
      const { key, owner, tokens, from, pageTokens, label } = record;
      const header: RecordHeader = {
        key,
        owner,
        tokens,
        from,
        pageTokens,
        pageBytes: record.pages[0]?.length ?? 0,
        pageChecksums: Uint32Array.from(pageChecksums),
        states,
        label,
        memo: { bytes: memo.length, checksum: await put(memo) },
      };
      await writeAt(file, encodeHeader(header, checksum), 0);
      await file.datasync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * The header of a record's file, whose length has been found to be right; what comes after it is not looked at.
 * @throws StarlingError invalid_argument with `details.fault`; errors of the file system as they are
 */
export async function readRecordHeader(
  path: string,
): Promise<{ readonly header: RecordHeader; readonly bytes: number; readonly usedMs: number }> {
  return withFile(path, async (file) => {
    const { size, mtimeMs } = await file.stat();
    const { header } = await headerOf(file, size);
    return { header, bytes: size, usedMs: mtimeMs };
  });
}

/**
 * A whole record with every part checked.
 * @throws StarlingError invalid_argument with `details.fault`; errors of the file system as they are
 */
export async function readRecord(path: string): Promise<SpillRecord> {
  return withFile(path, async (file) => {
    const { size } = await file.stat();
    const { header, head } = await headerOf(file, size);
    const { key, owner, tokens, from, pageTokens, pageBytes, pageChecksums, label } = header;
    let at = head;
    const next = async (bytes: number, expected: number, what: string): Promise<Uint8Array> => {
      const part = await readAt(file, at, bytes);
      at += bytes;
      if (checksum(part) !== expected) throw faulty('damaged', `the checksum of ${what} is wrong`);
      return part;
    };
    const pages: Uint8Array[] = [];
    for (let i = 0; i < pageChecksums.length; i++) pages.push(await next(pageBytes, pageChecksums[i], `page ${i}`));
    const states: { position: number; bytes: Uint8Array }[] = [];
    for (const state of header.states)
      states.push({
        position: state.position,
        bytes: await next(state.bytes, state.checksum, `the state at ${state.position}`),
      });
    const memo = new TextDecoder().decode(await next(header.memo.bytes, header.memo.checksum, 'the memo'));
    return { key, owner, tokens, from, pageTokens, pages, states, label, memo };
  });
}

/** Why a record could not be read: the fault of its bytes, or `unreadable` for what the file system said; `gone`: there is no such file. */
export function faultOf(error: unknown): { readonly reason: Exclude<DropReason, 'quota'>; readonly message: string } {
  if (codeOf(error) === 'ENOENT') return { reason: 'gone', message: 'another process took it away' };
  const fault = isStarlingError(error, 'invalid_argument') ? error.details.fault : undefined;
  return {
    reason: fault === 'damaged' || fault === 'foreign' || fault === 'version' ? fault : 'unreadable',
    message: messageOf(error),
  };
}

/** Whether what the file system said is for want of something here, and passes: a file that could not be opened for it may be as good as ever. */
export const isPassing = (error: unknown): boolean =>
  ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'].includes(codeOf(error) ?? '');

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

async function headerOf(
  file: fs.FileHandle,
  size: number,
): Promise<{ readonly header: RecordHeader; readonly head: number }> {
  const length = headerLength(await readAt(file, 0, Math.min(PREFIX_BYTES, size)));
  if (length > size) throw faulty('damaged', `its header is cut at ${size} of ${length} bytes`);
  const header = decodeHeader(await readAt(file, 0, length), checksum);
  const { all } = recordBytes({
    tokens: header.tokens.length,
    pages: header.pageChecksums.length,
    pageBytes: header.pageBytes,
    states: header.states.map(({ bytes }) => bytes),
    label: Buffer.byteLength(header.label),
    memoBytes: header.memo.bytes,
  });
  if (all !== size) throw faulty('damaged', `it has ${size} bytes, where its header tells of ${all}`);
  return { header, head: length };
}

async function writeAt(file: fs.FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}

async function readAt(file: fs.FileHandle, position: number, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, position + done);
    if (bytesRead === 0) throw faulty('damaged', `it ends ${bytes - done} bytes early`);
    done += bytesRead;
  }
  return buffer;
}

async function withFile<T>(path: string, use: (file: fs.FileHandle) => Promise<T>): Promise<T> {
  // Looked at before it is opened: opening a pipe would wait for its other end.
  if (!(await fs.stat(path)).isFile()) throw faulty('foreign', 'it is no regular file');
  const file = await fs.open(path, 'r');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
