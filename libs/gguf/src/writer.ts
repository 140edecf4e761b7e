import { PackedStrings, StarlingError, alignUp, checkedProduct } from '@starling/core';
import { swapBlocks } from './byte-order.js';
import { encodeHeader, type GgufFormat, type MetadataEntry, type PlannedTensor } from './encode-header.js';
import { bytesOfValues, type TensorType } from './tensor-types.js';
import { isFloatKey } from './float-keys.table.js';
import { LIMITS } from './limits.js';
import { quote } from './read-metadata.js';
import type { GgufValue, ScalarType, ValueType } from './values.js';

/** Where written bytes go, in order: a file, a stream, a list. The bytes are the sink's only until its promise settles. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

const DEFAULT_ALIGNMENT = 32;

/**
 * Writes a GGUF file from front to back: metadata and the tensor table first (sizes follow from types and shapes), then the bytes of the
 * tensors in the order in which they were added, in pieces of any size. Never more than one piece is in memory.
 */
export class GgufWriter {
  readonly #sink: ByteSink;
  readonly #format: GgufFormat;
  readonly #metadata = new Map<string, MetadataEntry>();
  readonly #tensors: PlannedTensor[] = [];
  readonly #names = new Set<string>();
  #dataBytes = 0;
  /** Undefined until the header is written: then the bytes of tensor data written so far, padding included. */
  #written: number | undefined;

  constructor(sink: ByteSink, format: GgufFormat = {}) {
    this.#sink = sink;
    this.#format = format;
  }

  /** Boundary on which each tensor starts: `general.alignment`, or 32. */
  get alignment(): number {
    const value = this.#metadata.get('general.alignment')?.value;
    return typeof value === 'number' ? value : DEFAULT_ALIGNMENT;
  }

  /**
   * Sets a metadata value; set before any tensor is added if it is `general.alignment`.
   * @param type if left out: that of the entry that it replaces if it is a float; f32 for a number under a key that the format keeps
   * floats under (`*.rope.freq_base`, epsilons, scales: 10000 is a float there); else found from the value, for a number the first of
   * u32, i32, u64, i64 and f32 that holds it. A float under a key of your own needs its type said: 1 and 1.0 are one number here.
   * @throws StarlingError invalid_argument
   */
  setMetadata(key: string, value: GgufValue, type: ValueType = this.#typeFor(key, value)): void {
    this.#mustPrecedeHeader('metadata');
    if (key === 'general.alignment') {
      const isPower = typeof value === 'number' && value >= 1 && Number.isInteger(Math.log2(value));
      if (!isPower || this.#tensors.length > 0)
        throw new StarlingError(
          'invalid_argument',
          'general.alignment is a power of two, set before the first tensor is added',
        );
    }
    this.#metadata.set(key, { type, value });
  }

  /** Takes a metadata entry away. */
  deleteMetadata(key: string): void {
    this.#mustPrecedeHeader('metadata');
    this.#metadata.delete(key);
  }

  /** Adds a tensor to the table. @throws StarlingError invalid_argument for a repeated name or a row that is no whole number of blocks */
  addTensor(name: string, type: TensorType, shape: readonly number[]): void {
    this.#mustPrecedeHeader('tensors');
    if (this.#names.has(name)) throw new StarlingError('invalid_argument', `tensor ${quote(name)} was added already`);
    bytesOfValues(type, shape[0] ?? 1);
    this.#names.add(name);
    this.#tensors.push({ name, type, shape, offset: this.#dataBytes });
    this.#dataBytes = alignUp(this.#dataBytes + byteLength({ type, shape }), this.alignment);
  }

  /** Writes the next bytes of tensor data; a piece may end anywhere but may not reach beyond the tensor it starts in. */
  async write(bytes: Uint8Array): Promise<void> {
    const written = await this.#begin();
    if (bytes.length === 0) return;
    const tensor = this.#tensorAt(written);
    const end = tensor === undefined ? 0 : tensor.offset + byteLength(tensor);
    if (tensor === undefined || written + bytes.length > end) {
      throw new StarlingError(
        'invalid_argument',
        `${bytes.length} bytes reach beyond the end of ${tensor === undefined ? 'the last tensor' : `tensor ${quote(tensor.name)}`}`,
      );
    }
    await this.#sink.write(this.#ordered(tensor, bytes));
    this.#written = written + bytes.length;
    if (this.#written === end) await this.#pad(end);
  }

  /** Ends the file. @throws StarlingError invalid_argument if tensor data are missing */
  async finish(): Promise<void> {
    const written = await this.#begin();
    if (written !== this.#dataBytes) {
      throw new StarlingError(
        'invalid_argument',
        `${this.#dataBytes - written} bytes of tensor data are missing, from tensor ${quote(this.#tensorAt(written)?.name ?? '')} on`,
      );
    }
  }

  async #begin(): Promise<number> {
    if (this.#written === undefined) {
      this.#written = 0;
      await this.#sink.write(encodeHeader(this.#metadata, this.#tensors, this.alignment, this.#format));
    }
    return this.#written;
  }

  async #pad(end: number): Promise<void> {
    const padding = alignUp(end, this.alignment) - end;
    if (padding > 0) await this.#sink.write(new Uint8Array(padding));
    this.#written = end + padding;
  }

  /** The tensor whose data hold this place; tensors without data hold none. */
  #tensorAt(place: number): PlannedTensor | undefined {
    let low = 0;
    let high = this.#tensors.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const tensor = this.#tensors[middle];
      if (tensor.offset + byteLength(tensor) <= place) low = middle + 1;
      else high = middle;
    }
    return this.#tensors[low];
  }

  #ordered(tensor: PlannedTensor, bytes: Uint8Array): Uint8Array {
    if (this.#format.littleEndian ?? true) return bytes;
    if (bytes.length % tensor.type.blockBytes !== 0)
      throw new StarlingError('invalid_argument', 'pieces of a big-endian file are whole blocks');
    const swapped = bytes.slice();
    swapBlocks(tensor.type, swapped);
    return swapped;
  }

  #typeFor(key: string, value: GgufValue): ValueType {
    if (typeof value !== 'number') return typeOf(key, value);
    const replaced = this.#metadata.get(key)?.type;
    if (replaced === 'f32' || replaced === 'f64') return replaced;
    return isFloatKey(key) ? 'f32' : typeOf(key, value);
  }

  #mustPrecedeHeader(what: string): void {
    if (this.#written !== undefined)
      throw new StarlingError('invalid_argument', `${what} are set before tensor data are written`);
  }
}

function byteLength({ type, shape }: Pick<PlannedTensor, 'type' | 'shape'>): number {
  return bytesOfValues(type, checkedProduct(shape, { code: 'invalid_argument', what: 'the size of a tensor' }));
}

const ARRAY_TYPES: ReadonlyMap<unknown, ScalarType> = new Map<unknown, ScalarType>([
  [Uint8Array, 'u8'],
  [Int8Array, 'i8'],
  [Uint16Array, 'u16'],
  [Int16Array, 'i16'],
  [Uint32Array, 'u32'],
  [Int32Array, 'i32'],
  [Float32Array, 'f32'],
  [BigUint64Array, 'u64'],
  [BigInt64Array, 'i64'],
  [Float64Array, 'f64'],
]);

function typeOf(key: string, value: GgufValue, depth = 1): ValueType {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return value < 0n ? 'i64' : 'u64';
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return 'f32';
    if (value >= 0) return value < 2 ** 32 ? 'u32' : 'u64';
    return value >= -(2 ** 31) ? 'i32' : 'i64';
  }
  if (value instanceof PackedStrings) return { array: 'string' };
  if (Array.isArray(value)) {
    if (value.every((element) => typeof element === 'boolean')) return { array: 'bool' };
    if (depth >= LIMITS.arrayDepth)
      throw new StarlingError(
        'invalid_argument',
        `metadata ${quote(key)} nests arrays more than ${LIMITS.arrayDepth} deep, which no reader takes`,
        { details: { key } },
      );
    return { arrays: value.map((element) => typeOf(key, element, depth + 1)) };
  }
  const element = ARRAY_TYPES.get(value.constructor);
  if (element === undefined)
    throw new StarlingError('invalid_argument', `metadata ${quote(key)}: an array of numbers is a typed array`);
  return { array: element };
}
