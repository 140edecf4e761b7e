import { printable } from '@starling/core';
import type { HeaderCursor } from './header-cursor.js';
import { LIMITS } from './limits.js';
import { readPackedStrings } from './read-packed-strings.js';
import { readSize, type SizeBytes } from './read-sizes.js';
import { swapBytes } from './byte-order.js';
import {
  ARRAY_TYPE_ID,
  NUMBER_ARRAYS,
  SCALAR_BYTES,
  SCALAR_TYPES,
  type GgufValue,
  type NumberArray,
  type ScalarType,
  type ValueType,
} from './values.js';

/** A metadata value together with the type it has in the file. */
export interface TypedValue {
  readonly type: ValueType;
  readonly value: GgufValue;
}

/** Keys up to this length are read without looking ahead again. */
const SHORT_KEY_BYTES = 128;

/** Enough for the length of a key, the type of its value, and a scalar or the start of an array. */
const ENTRY_AHEAD_BYTES = 64;

/** The start of an array: its element type and its length. */
const ARRAY_AHEAD_BYTES = 16;

const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Reads the `count` metadata entries at the cursor.
 * @throws StarlingError invalid_model_file for anything the format does not allow, empty and repeated keys among it
 */
export async function readMetadata(
  cursor: HeaderCursor,
  count: number,
  sizeBytes: SizeBytes,
): Promise<Map<string, TypedValue>> {
  const entries = new Map<string, TypedValue>();
  for (let i = 0; i < count; i++) {
    await cursor.lookAhead(ENTRY_AHEAD_BYTES + SHORT_KEY_BYTES);
    const what = `metadata key ${i + 1} of ${count}`;
    const length = readSize(cursor, sizeBytes, LIMITS.keyBytes, `the length of ${what}`);
    if (length > SHORT_KEY_BYTES) await cursor.lookAhead(ENTRY_AHEAD_BYTES + length);
    const key = cursor.name(length, what);
    if (key === '') throw cursor.error(`${what} is empty`);
    if (entries.has(key)) throw cursor.error(`metadata key ${quote(key)} occurs twice`);
    entries.set(key, await readValue(cursor, sizeBytes, `the value of ${quote(key)}`));
  }
  return entries;
}

async function readValue(cursor: HeaderCursor, sizeBytes: SizeBytes, what: string): Promise<TypedValue> {
  const id = cursor.u32(what);
  if (id === ARRAY_TYPE_ID) return readArray(cursor, sizeBytes, what, 1);
  const type = scalarType(cursor, id, what);
  if (type === 'string') return { type, value: await readString(cursor, sizeBytes, what) };
  const { view, at } = cursor.take(SCALAR_BYTES[type], what);
  return { type, value: readScalar(view, at, type, cursor.littleEndian) };
}

async function readString(cursor: HeaderCursor, sizeBytes: SizeBytes, what: string): Promise<string> {
  const length = readSize(cursor, sizeBytes, LIMITS.stringBytes, `the length of ${what}`);
  cursor.check(length, what);
  await cursor.lookAhead(length);
  return cursor.text(length, what);
}

/** Reads an array whose start lies in the window. */
async function readArray(cursor: HeaderCursor, sizeBytes: SizeBytes, what: string, depth: number): Promise<TypedValue> {
  const id = cursor.u32(what);
  if (id === ARRAY_TYPE_ID) return readNestedArrays(cursor, sizeBytes, what, depth);
  const type = scalarType(cursor, id, what);
  const elementBytes = type === 'string' ? sizeBytes : SCALAR_BYTES[type];
  const length = readArrayLength(cursor, sizeBytes, elementBytes, what);
  if (type === 'string')
    return { type: { array: type }, value: await readPackedStrings(cursor, sizeBytes, length, what) };
  if (type === 'bool') return { type: { array: type }, value: await readBooleans(cursor, length, what) };
  return { type: { array: type }, value: await readNumbers(cursor, type, length, what) };
}

async function readNestedArrays(
  cursor: HeaderCursor,
  sizeBytes: SizeBytes,
  what: string,
  depth: number,
): Promise<TypedValue> {
  if (depth >= LIMITS.arrayDepth) throw cursor.error(`${what} nests arrays more than ${LIMITS.arrayDepth} deep`);
  const length = readArrayLength(cursor, sizeBytes, 4 + sizeBytes, what);
  if (length > LIMITS.nestedArrays)
    throw cursor.error(`${what} holds ${length} arrays, more than ${LIMITS.nestedArrays}`);
  const types: ValueType[] = [];
  const values: GgufValue[] = [];
  for (let i = 0; i < length; i++) {
    await cursor.lookAhead(ARRAY_AHEAD_BYTES);
    const element = await readArray(cursor, sizeBytes, what, depth + 1);
    types.push(element.type);
    values.push(element.value);
  }
  return { type: { arrays: types }, value: values };
}

function scalarType(cursor: HeaderCursor, id: number, what: string): ScalarType {
  const type = SCALAR_TYPES[id];
  if (type === undefined) throw cursor.error(`${what} has the unknown type ${id}`);
  return type;
}

/** The length of an array whose elements take at least `elementBytes` each: no more than the file has room for. */
function readArrayLength(cursor: HeaderCursor, sizeBytes: SizeBytes, elementBytes: number, what: string): number {
  const length = readSize(cursor, sizeBytes, Number.MAX_SAFE_INTEGER, `the array length of ${what}`);
  if (length > cursor.remaining / elementBytes) {
    throw cursor.error(
      `${what} has ${length} elements, more than the ${cursor.remaining} bytes left in the file can hold`,
    );
  }
  return length;
}

async function readBooleans(cursor: HeaderCursor, length: number, what: string): Promise<boolean[]> {
  if (length > LIMITS.booleanArrayLength)
    throw cursor.error(`${what} holds ${length} truth values, more than ${LIMITS.booleanArrayLength}`);
  const bytes = new Uint8Array(length);
  await cursor.copyInto(bytes, what);
  return Array.from(bytes, (byte) => byte !== 0);
}

async function readNumbers(
  cursor: HeaderCursor,
  type: keyof typeof NUMBER_ARRAYS,
  length: number,
  what: string,
): Promise<NumberArray> {
  if (length * SCALAR_BYTES[type] > LIMITS.headerBytes)
    throw cursor.error(`${what} is larger than the ${LIMITS.headerBytes} bytes that a header may have`);
  const numbers = new NUMBER_ARRAYS[type](length);
  const bytes = new Uint8Array(numbers.buffer);
  await cursor.copyInto(bytes, what);
  if (cursor.littleEndian !== hostIsLittleEndian) swapBytes(bytes, SCALAR_BYTES[type]);
  return numbers;
}

function readScalar(
  view: DataView,
  at: number,
  type: Exclude<ScalarType, 'string'>,
  little: boolean,
): number | bigint | boolean {
  switch (type) {
    case 'u8':
      return view.getUint8(at);
    case 'i8':
      return view.getInt8(at);
    case 'u16':
      return view.getUint16(at, little);
    case 'i16':
      return view.getInt16(at, little);
    case 'u32':
      return view.getUint32(at, little);
    case 'i32':
      return view.getInt32(at, little);
    case 'f32':
      return view.getFloat32(at, little);
    case 'f64':
      return view.getFloat64(at, little);
    case 'bool':
      return view.getUint8(at) !== 0;
    case 'u64':
      return safeNumber(view.getBigUint64(at, little));
    case 'i64':
      return safeNumber(view.getBigInt64(at, little));
  }
}

function safeNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A name from a file, shortened and made printable for a message: no character of it reaches a terminal as a control. */
export function quote(name: string): string {
  return printable(JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name));
}

/** A value from a file for a message: a number as it is, a text in quotes. */
export function shown(value: GgufValue | undefined): string {
  return typeof value === 'string' ? quote(value) : printable(String(value).slice(0, 40));
}
