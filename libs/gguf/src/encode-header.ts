import { PackedStrings, StarlingError, alignUp } from '@starling/core';
import { LIMITS } from './limits.js';
import { quote } from './read-metadata.js';
import type { TensorType } from './tensor-types.js';
import {
  ARRAY_TYPE_ID,
  SCALAR_BYTES,
  SCALAR_TYPES,
  describeType,
  type GgufValue,
  type ScalarType,
  type ValueType,
} from './values.js';

/** What a file is written as. */
export interface GgufFormat {
  /** Default 3. Version 1 keeps counts and lengths in 32 bits. */
  readonly version?: 1 | 2 | 3;
  /** Default true. */
  readonly littleEndian?: boolean;
}

/** A metadata value and the type it is written as. */
export interface MetadataEntry {
  readonly type: ValueType;
  readonly value: GgufValue;
}

/** A tensor to be written: its data come later. `offset` counts from the start of the data section. */
export interface PlannedTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly offset: number;
}

/**
 * The header of a file, padded up to where its data section starts.
 * @throws StarlingError invalid_argument for a value that its type cannot hold
 */
export function encodeHeader(
  metadata: ReadonlyMap<string, MetadataEntry>,
  tensors: readonly PlannedTensor[],
  alignment: number,
  format: GgufFormat,
): Uint8Array {
  const out = new HeaderBuffer(format.littleEndian ?? true, format.version === 1 ? 4 : 8);
  for (const character of 'GGUF') out.scalar('u8', character.charCodeAt(0));
  out.scalar('u32', format.version ?? 3);
  out.size(tensors.length);
  out.size(metadata.size);
  for (const [key, { type, value }] of metadata) {
    out.string(key);
    if (typeof type === 'string') {
      out.scalar('u32', SCALAR_TYPES.indexOf(type));
      out.value(type, value, key);
    } else {
      out.scalar('u32', ARRAY_TYPE_ID);
      out.array(type, value, key);
    }
  }
  for (const { name, type, shape, offset } of tensors) {
    out.string(name);
    out.scalar('u32', shape.length);
    for (const dimension of shape) out.size(dimension);
    out.scalar('u32', type.id);
    out.scalar('u64', offset);
  }
  return out.padded(alignment);
}

/** A buffer that grows as values are put at its end. */
class HeaderBuffer {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  constructor(
    readonly littleEndian: boolean,
    readonly sizeBytes: 4 | 8,
  ) {}

  padded(alignment: number): Uint8Array {
    const length = alignUp(this.#length, alignment);
    this.#reserve(length - this.#length);
    return this.#bytes.subarray(0, length);
  }

  size(value: number): void {
    this.scalar(this.sizeBytes === 4 ? 'u32' : 'u64', value);
  }

  string(text: string): void {
    this.#lengthAndBytes(new TextEncoder().encode(text));
  }

  value(type: ScalarType, value: GgufValue, key: string): void {
    if (type === 'string') {
      if (typeof value !== 'string') throw mismatch(key, type, value);
      this.string(value);
    } else if (type === 'bool') {
      if (typeof value !== 'boolean') throw mismatch(key, type, value);
      this.scalar('u8', value ? 1 : 0);
    } else {
      if ((typeof value !== 'number' && typeof value !== 'bigint') || !holds(type, value))
        throw mismatch(key, type, value);
      this.scalar(type, value);
    }
  }

  array(type: Exclude<ValueType, string>, value: GgufValue, key: string, depth = 1): void {
    if ('arrays' in type) {
      if (depth >= LIMITS.arrayDepth)
        throw new StarlingError(
          'invalid_argument',
          `metadata ${quote(key)} nests arrays more than ${LIMITS.arrayDepth} deep, which no reader takes`,
          { details: { key } },
        );
      if (!Array.isArray(value) || value.length !== type.arrays.length) throw mismatch(key, type, value);
      this.scalar('u32', ARRAY_TYPE_ID);
      this.size(value.length);
      type.arrays.forEach((inner, i) => {
        if (typeof inner === 'string') throw mismatch(key, type, value);
        this.array(inner, value[i], key, depth + 1);
      });
      return;
    }
    this.scalar('u32', SCALAR_TYPES.indexOf(type.array));
    if (value instanceof PackedStrings) {
      if (type.array !== 'string') throw mismatch(key, type, value);
      this.size(value.length);
      for (let i = 0; i < value.length; i++) this.#lengthAndBytes(value.bytesAt(i));
    } else if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
      this.size(value.length);
      for (const element of value) this.value(type.array, element, key);
    } else throw mismatch(key, type, value);
  }

  scalar(type: Exclude<ScalarType, 'string' | 'bool'>, value: number | bigint): void {
    const bytes = SCALAR_BYTES[type];
    this.#reserve(bytes);
    const at = this.#length;
    this.#length += bytes;
    const { littleEndian } = this;
    if (type === 'u64') this.#view.setBigUint64(at, BigInt(value), littleEndian);
    else if (type === 'i64') this.#view.setBigInt64(at, BigInt(value), littleEndian);
    else if (type === 'f64') this.#view.setFloat64(at, Number(value), littleEndian);
    else if (type === 'f32') this.#view.setFloat32(at, Number(value), littleEndian);
    else if (bytes === 4) this.#view.setUint32(at, Number(value), littleEndian);
    else if (bytes === 2) this.#view.setUint16(at, Number(value), littleEndian);
    else this.#view.setUint8(at, Number(value));
  }

  #lengthAndBytes(bytes: Uint8Array): void {
    this.size(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#length + bytes, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const RANGES: Readonly<Partial<Record<ScalarType, readonly [bigint, bigint]>>> = {
  u8: [0n, 255n],
  i8: [-128n, 127n],
  u16: [0n, 65535n],
  i16: [-32768n, 32767n],
  u32: [0n, 2n ** 32n - 1n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  u64: [0n, 2n ** 64n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
};

function holds(type: ScalarType, value: number | bigint): boolean {
  const range = RANGES[type];
  if (range === undefined) return typeof value === 'number';
  if (typeof value === 'number' && !Number.isInteger(value)) return false;
  return BigInt(value) >= range[0] && BigInt(value) <= range[1];
}

function mismatch(key: string, type: ValueType, value: GgufValue): StarlingError {
  const received = typeof value === 'object' ? value.constructor.name : `${typeof value} ${String(value).slice(0, 40)}`;
  return new StarlingError(
    'invalid_argument',
    `metadata ${quote(key)} is to be written as ${describeType(type)}, which cannot hold ${received}`,
    { details: { key } },
  );
}
