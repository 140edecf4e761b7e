import { alignUp } from '@starling/core';
import type { ByteSource } from './byte-source.js';
import { invalidFile } from './file-error.js';
import { HeaderCursor } from './header-cursor.js';
import { LIMITS } from './limits.js';
import { quote, readMetadata, shown, type TypedValue } from './read-metadata.js';
import { readSize, type SizeBytes } from './read-sizes.js';
import { describeType } from './values.js';
import { readTensorTable, type TensorInfo } from './read-tensors.js';

/** Everything that one file says before its tensor data. */
export interface GgufHeader {
  readonly version: 1 | 2 | 3;
  readonly littleEndian: boolean;
  readonly alignment: number;
  readonly metadata: ReadonlyMap<string, TypedValue>;
  readonly tensors: readonly TensorInfo[];
  /** Where the data section starts. */
  readonly dataOffset: number;
}

const MAGIC = 'GGUF';
/** Magic, version and the two counts. */
const START_BYTES = 4 + 4 + 8 + 8;
const DEFAULT_ALIGNMENT = 32;
/** The least that an entry takes: a key of one byte, a type and a one-byte value; a tensor: an empty name, no dimensions, type, offset. */
const MIN_ENTRY_BYTES = 4 + 1 + 4 + 1;
const MIN_TENSOR_BYTES = 4 + 4 + 4 + 8;

/**
 * Reads the header of one GGUF file, version 1 to 3, little or big endian.
 * @param part index of the file in a split model
 * @throws StarlingError invalid_model_file, naming the source and what is wrong, before anything is allocated that the file's size does not justify
 */
export async function readHeader(source: ByteSource, part = 0): Promise<GgufHeader> {
  const cursor = new HeaderCursor(source);
  const version = await readVersion(cursor);
  const sizeBytes: SizeBytes = version === 1 ? 4 : 8;
  const tensorCount = readSize(cursor, sizeBytes, LIMITS.tensors, 'the number of tensors');
  const entryCount = readSize(cursor, sizeBytes, LIMITS.metadataEntries, 'the number of metadata entries');
  if (tensorCount * MIN_TENSOR_BYTES + entryCount * MIN_ENTRY_BYTES > cursor.remaining) {
    throw cursor.error(
      `declares ${tensorCount} tensors and ${entryCount} metadata entries, more than its ${source.size} bytes can hold`,
    );
  }
  const metadata = await readMetadata(cursor, entryCount, sizeBytes);
  const alignment = readAlignment(source, metadata);
  const table = await readTensorTable(cursor, tensorCount, sizeBytes, part);
  const dataOffset = alignUp(cursor.position, alignment);
  return {
    version,
    littleEndian: cursor.littleEndian,
    alignment,
    metadata,
    tensors: placeTensors(source, table, dataOffset, alignment),
    dataOffset,
  };
}

async function readVersion(cursor: HeaderCursor): Promise<1 | 2 | 3> {
  const { source } = cursor;
  if (source.size < 8) throw invalidFile(source.name, `not a GGUF file: it has ${source.size} bytes`);
  await cursor.lookAhead(START_BYTES);
  const magic = cursor.text(4, 'the magic');
  if (magic !== MAGIC)
    throw invalidFile(source.name, `not a GGUF file: it starts with ${quote(magic)}, not with "${MAGIC}"`);
  let version = cursor.u32('the version');
  if ((version & 0xffff) === 0 && version !== 0) {
    cursor.littleEndian = false;
    version = swap32(version);
  }
  if (version !== 1 && version !== 2 && version !== 3)
    throw invalidFile(source.name, `has GGUF version ${version}; versions 1 to 3 can be read`);
  return version;
}

function swap32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

function readAlignment(source: ByteSource, metadata: ReadonlyMap<string, TypedValue>): number {
  const entry = metadata.get('general.alignment');
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  const { type, value } = entry;
  if (
    type !== 'f32' &&
    type !== 'f64' &&
    typeof value === 'number' &&
    Number.isInteger(Math.log2(value)) &&
    value >= 1 &&
    value <= LIMITS.alignment
  )
    return value;
  throw invalidFile(
    source.name,
    `general.alignment is ${shown(value)} (${describeType(type)}); a power of two up to ${LIMITS.alignment} is needed, as an integer (u32)`,
  );
}

/** Gives tensors their place in the file, and checks that each is aligned, inside of the file, and clear of the others. */
function placeTensors(
  source: ByteSource,
  table: readonly TensorInfo[],
  dataOffset: number,
  alignment: number,
): TensorInfo[] {
  const placed = table.map((tensor) => {
    const what = `tensor ${quote(tensor.name)}`;
    if (tensor.offset % alignment !== 0)
      throw invalidFile(source.name, `${what} starts at ${tensor.offset}, which is not aligned to ${alignment} bytes`);
    const offset = dataOffset + tensor.offset;
    if (offset + tensor.byteLength > source.size && tensor.byteLength > 0) {
      throw invalidFile(
        source.name,
        `${what} (${tensor.type.name}, ${tensor.shape.join(' x ')}) ends at byte ${offset + tensor.byteLength}, but the file has ${source.size}; it is cut short or damaged`,
      );
    }
    return { ...tensor, offset };
  });
  const inOrder = placed.filter((tensor) => tensor.byteLength > 0).sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < inOrder.length; i++) {
    const [before, after] = [inOrder[i - 1], inOrder[i]];
    if (before.offset + before.byteLength > after.offset) {
      throw invalidFile(
        source.name,
        `tensors ${quote(before.name)} and ${quote(after.name)} overlap at byte ${after.offset}`,
      );
    }
  }
  return placed;
}
