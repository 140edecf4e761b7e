import { assert } from '@starling/core';
import { bytesOfValues, quantize, tensorTypeByName, type GgufModel, type TensorType } from '@starling/gguf';
import type { ComputeMemory, ComputeTeam } from '@starling/kernels';
import type { Graph } from '../graph/graph.js';
import type { LoadingPlan } from '../graph/layout.js';
import { fileBytesOf, type MatrixWeight, type VectorWeight } from '../graph/weights.js';
import type { LoadOptions } from './load-options.js';
import { readFloats } from './read-floats.js';

/** Reads of a file that are under way at a time. */
const parallelReads = 4;

/** Values that are converted to another type at a time: some milliseconds of work. */
const convertedValues = 2 ** 18;

/** What loading works with. */
export interface LoadTarget {
  readonly graph: Graph;
  readonly memories: readonly ComputeMemory[];
  readonly loading: readonly LoadingPlan[];
  readonly team: ComputeTeam;
}

/** Rows [rowBegin, rowEnd) of one expert's matrix (or of a plain one). */
interface Piece {
  readonly matrix: MatrixWeight;
  readonly expert: number;
  readonly rowBegin: number;
  readonly rowEnd: number;
}

/**
 * Reads all weights: bytes of the file go straight into a memory's staging area, from where the team packs them into their places, while
 * the next bytes are read. There is never a second copy of the model.
 */
export async function loadWeights(
  model: GgufModel,
  target: LoadTarget,
  onProgress: LoadOptions['onProgress'],
): Promise<void> {
  const { graph, memories } = target;
  for (const vector of graph.vectors) await loadVector(model, vector, memories[vector.home.index]);
  const pieces = graph.matrices.flatMap((matrix) => piecesOf(matrix, target.loading[matrix.home.index].stagingBytes));
  const total = graph.matrices.reduce((sum, matrix) => sum + fileBytesOf(matrix), 0);
  let done = 0;
  let reading = pieces.length > 0 ? stage(model, target, pieces[0], 0) : Promise.resolve();
  for (let i = 0; i < pieces.length; i++) {
    await reading;
    reading = i + 1 < pieces.length ? stage(model, target, pieces[i + 1], (i + 1) % 2) : Promise.resolve();
    // A failure of the read is met by the next turn; it must not go unhandled if packing fails first.
    reading.catch(() => undefined);
    await pack(target, pieces[i], i % 2);
    const { matrix, rowBegin, rowEnd } = pieces[i];
    done += ((rowEnd - rowBegin) / (matrix.rows * matrix.count)) * fileBytesOf(matrix);
    onProgress?.({ done: Math.round(done), total });
  }
  // The buffers of activations, which lie there, begin as zeros: bytes of a file read as floats may be NaN.
  target.loading.forEach(({ staging, stagingBytes }, i) =>
    memories[i].bytes.fill(0, staging[0], staging[1] + stagingBytes),
  );
}

/** The type of the bytes that are packed: the file's own, unless its kernels want another. */
function packedType({ source, format }: MatrixWeight): TensorType {
  const type = tensorTypeByName(format.name);
  assert(type !== undefined, `${format.name} is a tensor type`);
  return !('read' in source) && source.type.name === type.name ? source.type : type;
}

const rowBytesOf = (type: TensorType, columns: number): number => bytesOfValues(type, columns);

function piecesOf(matrix: MatrixWeight, stagingBytes: number): Piece[] {
  const { rows, columns, count, format } = matrix;
  const fitting =
    Math.floor(stagingBytes / rowBytesOf(packedType(matrix), columns) / format.rowGranularity) * format.rowGranularity;
  assert(fitting > 0, `the staging area holds rows of ${matrix.label}`);
  const pieces: Piece[] = [];
  for (let expert = 0; expert < count; expert++) {
    for (let rowBegin = 0; rowBegin < rows; rowBegin += fitting)
      pieces.push({ matrix, expert, rowBegin, rowEnd: Math.min(rows, rowBegin + fitting) });
  }
  return pieces;
}

/** Brings a piece's bytes, in the type that is packed, into a staging area of its memory. */
async function stage(
  model: GgufModel,
  { memories, loading }: LoadTarget,
  { matrix, expert, rowBegin, rowEnd }: Piece,
  area: number,
): Promise<void> {
  const { source, rows, columns, home } = matrix;
  const type = packedType(matrix);
  const start = loading[home.index].staging[area];
  const first = expert * rows;
  const rowBytes = rowBytesOf(type, columns);
  const bytes = memories[home.index].bytes.subarray(start, start + (rowEnd - rowBegin) * rowBytes);
  if (!('read' in source) && type === source.type) {
    const share = Math.ceil((rowEnd - rowBegin) / parallelReads);
    const reads: Promise<void>[] = [];
    for (let from = rowBegin; from < rowEnd; from += share) {
      const to = Math.min(rowEnd, from + share);
      reads.push(
        model.readTensor(source, bytes.subarray((from - rowBegin) * rowBytes, (to - rowBegin) * rowBytes), {
          rowStart: first + from,
          rowEnd: first + to,
        }),
      );
    }
    await Promise.all(reads);
    return;
  }
  // In small parts: each read gives the thread's other work a turn.
  const share = Math.max(1, Math.floor(convertedValues / columns));
  for (let from = rowBegin; from < rowEnd; from += share) {
    const to = Math.min(rowEnd, from + share);
    const values =
      'read' in source
        ? await source.read(expert, from, to)
        : await readFloats(model, source, first + from, first + to);
    quantize(type, values, columns, bytes.subarray((from - rowBegin) * rowBytes, (to - rowBegin) * rowBytes));
  }
}

async function pack(
  { memories, loading, team }: LoadTarget,
  { matrix, expert, rowBegin, rowEnd }: Piece,
  area: number,
): Promise<void> {
  const { format, home, place, rows, columns } = matrix;
  const plan = loading[home.index];
  const packer = plan.packers.get(format.name);
  assert(packer !== undefined, `there is a program that packs ${format.name}`);
  const descriptor = packer.descriptors[home.index] >>> 2;
  const operands = [
    plan.staging[area],
    place.address + expert * format.bytes(rows, columns),
    rowBegin,
    columns,
    rowBytesOf(packedType(matrix), columns),
  ];
  operands.forEach((operand, index) => {
    memories[home.index].words[descriptor + index] = operand;
  });
  team.setCount('rows', rowEnd - rowBegin);
  await team.run(packer.structure);
}

async function loadVector(model: GgufModel, { source, place }: VectorWeight, memory: ComputeMemory): Promise<void> {
  const values = await valuesOf(model, source);
  if (values instanceof Int32Array) memory.words.set(values, place.address >>> 2);
  else if (values instanceof Float64Array) memory.doubles.set(values, place.address >>> 3);
  else memory.floats.set(values, place.address >>> 2);
}

async function valuesOf(
  model: GgufModel,
  source: VectorWeight['source'],
): Promise<Float32Array | Float64Array | Int32Array> {
  if (ArrayBuffer.isView(source)) return source;
  if ('read' in source) return source.read();
  if ('derive' in source) return source.derive(await readFloats(model, source.tensor));
  return readFloats(model, source);
}
