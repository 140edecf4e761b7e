import { PackedStrings, StarlingError } from '@starling/core';
import type { ByteSource } from './byte-source.js';
import { swapBlocks } from './byte-order.js';
import { invalidFile } from './file-error.js';
import { describeType, type GgufValue, type NumberArray, type ValueType } from './values.js';
import type { GgufHeader } from './read-header.js';
import { quote, type TypedValue } from './read-metadata.js';
import type { TensorInfo } from './read-tensors.js';

/** One file of a model with the header read from it. */
export interface GgufPart {
  readonly source: ByteSource;
  readonly header: GgufHeader;
}

/** Which rows of a tensor to read: the half-open range `[rowStart, rowEnd)`. */
export interface RowRange {
  readonly rowStart?: number;
  readonly rowEnd?: number;
}

/** An open model file (or the parts of a split one): its metadata and tensor table in memory, its tensor bytes read on demand. */
export class GgufModel {
  /** Version of the format, of the first part. */
  readonly version: 1 | 2 | 3;
  /** Number of files. */
  readonly parts: number;
  readonly alignment: number;
  /** Byte order of the first part. Tensor bytes are handed out little-endian whatever it is. */
  readonly littleEndian: boolean;
  /** Metadata of the first part, in file order. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** The type that each metadata value has in the file. */
  readonly metadataTypes: ReadonlyMap<string, ValueType>;
  /** Tensors of all parts by name, in file order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #parts: readonly GgufPart[];

  /** Made by `openGguf`. The parts are those of one model, in order; the model owns their sources from here on. */
  constructor(parts: readonly GgufPart[]) {
    const [first] = parts;
    this.#parts = parts;
    this.parts = parts.length;
    this.version = first.header.version;
    this.alignment = first.header.alignment;
    this.littleEndian = first.header.littleEndian;
    this.metadata = mapValues(first.header.metadata, (entry) => entry.value);
    this.metadataTypes = mapValues(first.header.metadata, (entry) => entry.type);
    this.tensors = joinTensors(parts);
  }

  /** What messages call this model: the name of its first part. */
  get name(): string {
    return this.#parts[0].source.name;
  }

  /** `general.architecture`. */
  get architecture(): string | undefined {
    return this.string('general.architecture');
  }

  /** The string under a key, or undefined. @throws StarlingError invalid_model_file if it has another type */
  string(key: string): string | undefined {
    return this.#get(key, 'a string', isString);
  }

  /** The number under a key, or undefined. @throws StarlingError invalid_model_file if it has another type or is not a safe integer */
  number(key: string): number | undefined {
    return this.#get(key, 'a number', isNumber);
  }

  /** The truth value under a key, or undefined. @throws StarlingError invalid_model_file if it has another type */
  boolean(key: string): boolean | undefined {
    return this.#get(key, 'a truth value', isBoolean);
  }

  /** The array of strings under a key, or undefined. @throws StarlingError invalid_model_file if it has another type */
  strings(key: string): PackedStrings | undefined {
    return this.#get(key, 'an array of strings', isStrings);
  }

  /** The array of numbers under a key, or undefined; 64-bit elements become numbers. @throws StarlingError invalid_model_file if it has another type */
  numbers(key: string): Exclude<NumberArray, BigUint64Array | BigInt64Array> | undefined {
    const value = this.#get(key, 'an array of numbers', isNumbers);
    if (value instanceof BigUint64Array || value instanceof BigInt64Array) return Float64Array.from(value, Number);
    return value;
  }

  /** The array of truth values under a key, or undefined. @throws StarlingError invalid_model_file if it has another type */
  booleans(key: string): readonly boolean[] | undefined {
    return this.#get(key, 'an array of truth values', isBooleans);
  }

  /** The tensor with this name. @throws StarlingError invalid_model_file if there is none */
  tensor(name: string): TensorInfo {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw invalidFile(this.name, `has no tensor ${quote(name)}`, { tensor: name });
    return tensor;
  }

  /**
   * Reads rows of a tensor straight into the caller's bytes, little-endian whatever the file is.
   * @param into exactly as long as the rows; may be a view of shared or WebAssembly memory
   * @throws StarlingError invalid_argument if the range or the length of `into` does not fit the tensor
   */
  async readTensor(tensor: TensorInfo, into: Uint8Array, range: RowRange = {}): Promise<void> {
    const { rowStart = 0, rowEnd = tensor.rowCount } = range;
    const rowBytes = (tensor.rowLength / tensor.type.blockSize) * tensor.type.blockBytes;
    const isRange =
      Number.isInteger(rowStart) &&
      Number.isInteger(rowEnd) &&
      rowStart >= 0 &&
      rowStart <= rowEnd &&
      rowEnd <= tensor.rowCount;
    if (!isRange || into.length !== (rowEnd - rowStart) * rowBytes) {
      throw new StarlingError(
        'invalid_argument',
        `rows ${rowStart} to ${rowEnd} of ${quote(tensor.name)} (${tensor.rowCount} rows of ${rowBytes} bytes) do not fit a buffer of ${into.length} bytes`,
        { details: { tensor: tensor.name, rowStart, rowEnd, rowBytes, bufferBytes: into.length } },
      );
    }
    if (into.length === 0) return;
    const part = this.#parts[tensor.part];
    await part.source.read(tensor.offset + rowStart * rowBytes, into);
    if (!part.header.littleEndian) swapBlocks(tensor.type, into);
  }

  /** The source of a part (0 for a model in one file). */
  source(part = 0): ByteSource {
    return this.#parts[part].source;
  }

  /** Closes the sources. */
  async close(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.source.close()));
  }

  #get<T extends GgufValue>(key: string, expected: string, accepts: (value: GgufValue) => value is T): T | undefined {
    const value = this.metadata.get(key);
    if (value === undefined) return undefined;
    if (accepts(value)) return value;
    const type = describeType(this.metadataTypes.get(key) ?? 'string');
    throw invalidFile(
      this.name,
      `${quote(key)} should be ${expected}, but is ${typeof value === 'bigint' ? `${type} ${value}` : type}`,
      { key },
    );
  }
}

const isString = (value: GgufValue): value is string => typeof value === 'string';
const isNumber = (value: GgufValue): value is number => typeof value === 'number';
const isBoolean = (value: GgufValue): value is boolean => typeof value === 'boolean';
const isStrings = (value: GgufValue): value is PackedStrings => value instanceof PackedStrings;
const isNumbers = (value: GgufValue): value is NumberArray => ArrayBuffer.isView(value);
const isBooleans = (value: GgufValue): value is boolean[] =>
  Array.isArray(value) && value.every((element) => typeof element === 'boolean');

function mapValues<T>(entries: ReadonlyMap<string, TypedValue>, pick: (entry: TypedValue) => T): Map<string, T> {
  return new Map(Array.from(entries, ([key, entry]) => [key, pick(entry)]));
}

function joinTensors(parts: readonly GgufPart[]): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const { source, header } of parts) {
    for (const tensor of header.tensors) {
      if (tensors.has(tensor.name))
        throw invalidFile(source.name, `tensor ${quote(tensor.name)} is in an earlier part already`);
      tensors.set(tensor.name, tensor);
    }
  }
  return tensors;
}
