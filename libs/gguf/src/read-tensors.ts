import type { HeaderCursor } from './header-cursor.js';
import { LIMITS } from './limits.js';
import { quote } from './read-metadata.js';
import { readSize, type SizeBytes } from './read-sizes.js';
import { removedTensorTypeName, tensorTypeById, type TensorType } from './tensor-types.js';

/** One row of the tensor table. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** `ne` order: `shape[0]` is the length of a row. Empty for a single value. */
  readonly shape: readonly number[];
  /** Values in a row. */
  readonly rowLength: number;
  /** Rows: the product of the other dimensions. */
  readonly rowCount: number;
  readonly byteLength: number;
  /** First byte, from the start of its part's source. */
  readonly offset: number;
  /** Index of the part that holds it; 0 unless the model is split. */
  readonly part: number;
}

/** Enough for any row of the table: two lengths, a name, dimensions, type and offset. */
const TENSOR_AHEAD_BYTES = 32 + LIMITS.tensorNameBytes + 8 * LIMITS.dimensions;

/**
 * Reads the tensor table at the cursor. Offsets are left as the file has them: from the start of the data section.
 * @throws StarlingError invalid_model_file
 */
export async function readTensorTable(
  cursor: HeaderCursor,
  count: number,
  sizeBytes: SizeBytes,
  part: number,
): Promise<TensorInfo[]> {
  const tensors: TensorInfo[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    await cursor.lookAhead(TENSOR_AHEAD_BYTES);
    const tensor = readTensorInfo(cursor, sizeBytes, part, `tensor ${i + 1} of ${count}`);
    if (names.has(tensor.name)) throw cursor.error(`tensor ${quote(tensor.name)} occurs twice`);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return tensors;
}

function readTensorInfo(cursor: HeaderCursor, sizeBytes: SizeBytes, part: number, place: string): TensorInfo {
  const name = cursor.name(
    readSize(cursor, sizeBytes, LIMITS.tensorNameBytes, `the length of the name of ${place}`),
    `the name of ${place}`,
  );
  const what = `tensor ${quote(name)}`;
  const shape = readShape(cursor, sizeBytes, what);
  const type = readTensorType(cursor, what);
  const offset = readSize(cursor, 8, Number.MAX_SAFE_INTEGER, `the offset of ${what}`);

  const rowLength = shape.length === 0 ? 1 : shape[0];
  const rowCount = shape.slice(1).reduce((product, dimension) => product * dimension, 1);
  const blocks = rowLength / type.blockSize;
  if (!Number.isInteger(blocks)) {
    throw cursor.error(
      `${what} has rows of ${rowLength} values, which is no multiple of the ${type.blockSize} in a block of ${type.name}`,
    );
  }
  const byteLength = blocks * type.blockBytes * rowCount;
  if (![rowCount, rowLength * rowCount, byteLength, offset + byteLength].every(Number.isSafeInteger)) {
    throw cursor.error(`${what} of shape ${shape.join(' x ')} is larger than any file`);
  }
  return { name, type, shape, rowLength, rowCount, byteLength, offset, part };
}

function readShape(cursor: HeaderCursor, sizeBytes: SizeBytes, what: string): number[] {
  const dimensions = cursor.u32(what);
  if (dimensions > LIMITS.dimensions)
    throw cursor.error(`${what} has ${dimensions} dimensions; at most ${LIMITS.dimensions} are possible`);
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) {
    shape.push(readSize(cursor, sizeBytes, Number.MAX_SAFE_INTEGER, `dimension ${i + 1} of ${what}`));
  }
  return shape;
}

function readTensorType(cursor: HeaderCursor, what: string): TensorType {
  const id = cursor.u32(what);
  const type = tensorTypeById(id);
  if (type !== undefined) return type;
  const removed = removedTensorTypeName(id);
  throw cursor.error(
    removed === undefined
      ? `${what} has the unknown block format ${id}`
      : `${what} has the block format ${removed} (${id}), which was taken out of GGUF; convert the model again`,
  );
}
