import { PackedStrings, StarlingError } from '@starling/core';
import { TENSOR_TYPES } from './tensor-types.js';
import { GgufWriter, type ByteSink } from './writer.js';

/** What one matrix (or one for each of several experts or heads) was multiplied by. */
export interface ImportanceEntry {
  /** (matrices, columns): sums of the squares of what each column was multiplied by. */
  readonly sums: Float32Array;
  /** Vectors that were summed: one number for all matrices, or one for each. */
  readonly counts: Float32Array;
}

/** How much each column of a model's matrices matters: what `imatrix` of Starling and `llama-imatrix` of llama.cpp compute from a text. */
export interface ImportanceMatrix {
  /** By the name of the model's tensor. */
  readonly entries: ReadonlyMap<string, ImportanceEntry>;
  /** What texts it was computed from. */
  readonly datasets: readonly string[];
  /** Chunks of text that were computed. */
  readonly chunkCount: number;
  /** Tokens of a chunk; 0 if it is not known. A count of an older file is one of chunks. */
  readonly chunkSize: number;
}

/** The mean squares of an entry, (matrices, columns); ones for a matrix that nothing was multiplied by. */
export function meanSquares({ sums, counts }: ImportanceEntry): Float32Array {
  const columns = sums.length / counts.length;
  return sums.map((sum, i) => {
    const count = counts[Math.floor(i / columns)];
    return count > 0 ? sum / count : 1;
  });
}

/**
 * Adds up what was computed from several texts with one model.
 * @throws StarlingError invalid_argument if they do not fit each other, or one does not know how many tokens its chunks have and no other does
 */
export function combineImportance(matrices: readonly ImportanceMatrix[]): ImportanceMatrix {
  const chunkSize = matrices.find((matrix) => matrix.chunkSize > 0)?.chunkSize ?? 0;
  const entries = new Map<string, ImportanceEntry>();
  for (const matrix of matrices) {
    // An older file counts chunks.
    const unit = matrix.chunkSize === 0 && chunkSize > 0 ? chunkSize : 1;
    for (const [name, { sums, counts }] of matrix.entries) {
      const known = entries.get(name);
      if (known === undefined) {
        entries.set(name, { sums: sums.map((sum) => sum * unit), counts: counts.map((count) => count * unit) });
        continue;
      }
      const length = Math.max(known.counts.length, counts.length);
      if (known.sums.length !== sums.length || length % known.counts.length !== 0 || length % counts.length !== 0)
        throw new StarlingError(
          'invalid_argument',
          `importance of ${name}: ${sums.length} sums in ${counts.length} matrices cannot be added to ${known.sums.length} in ${known.counts.length}; they are of different models`,
          { details: { tensor: name } },
        );
      const countOf = (all: Float32Array, i: number): number => all[Math.floor((i * all.length) / length)];
      entries.set(name, {
        sums: known.sums.map((sum, i) => sum + sums[i] * unit),
        counts: Float32Array.from({ length }, (_, i) => countOf(known.counts, i) + countOf(counts, i) * unit),
      });
    }
  }
  return {
    entries,
    datasets: matrices.flatMap(({ datasets }) => datasets),
    chunkCount: matrices.reduce((sum, matrix) => sum + matrix.chunkCount, 0),
    chunkSize,
  };
}

/** Writes an importance matrix as a GGUF file of the form that llama.cpp reads: for each tensor `NAME.in_sum2` and `NAME.counts`. */
export async function writeImportanceMatrix(matrix: ImportanceMatrix, sink: ByteSink): Promise<void> {
  const writer = new GgufWriter(sink);
  writer.setMetadata('general.type', 'imatrix');
  writer.setMetadata('imatrix.datasets', PackedStrings.from(matrix.datasets), { array: 'string' });
  writer.setMetadata('imatrix.chunk_count', matrix.chunkCount, 'u32');
  writer.setMetadata('imatrix.chunk_size', matrix.chunkSize, 'u32');
  const entries = Array.from(matrix.entries).sort(([a], [b]) => (a < b ? -1 : 1));
  const shape = (row: number, rows: number): number[] => (rows > 1 ? [row, rows] : [row]);
  for (const [name, { sums, counts }] of entries) {
    writer.addTensor(`${name}.in_sum2`, TENSOR_TYPES.F32, shape(sums.length / counts.length, counts.length));
    writer.addTensor(`${name}.counts`, TENSOR_TYPES.F32, shape(1, counts.length));
  }
  for (const [, { sums, counts }] of entries) {
    await writer.write(littleEndianBytes(sums));
    await writer.write(littleEndianBytes(counts));
  }
  await writer.finish();
}

const littleEndianBytes = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
