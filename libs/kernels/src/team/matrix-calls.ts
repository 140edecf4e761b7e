import type { MatrixRole } from '../program/program.js';
import type { BoundKernel } from './bound-kernel.js';

/*
 * Calls of the kernels of the matmul module, which take their operands as arguments (see MatmulFormat). Descriptors, in words:
 *
 * | role | unit | words |
 * |---|---|---|
 * | multiply | row of the matrix | addresses of matrix, input, output, number of tokens; columns, strides of input and output |
 * | multiplyExperts | expert in use * chunks + chunk | addresses of first matrix, input, output, experts in use, first row of each expert; columns, strides of input and output, bytes and rows of a matrix, rows of a chunk, chunks |
 * | convert | row * blocks + block | address and stride of input, of output; columns, columns of a block, blocks |
 * | lookup | row of the output | addresses of matrix, row numbers, output; columns, stride of output |
 * | pack | row of the source | addresses of source, matrix; row of the matrix that the source begins with, columns, bytes of a source row |
 *
 * Addresses, strides and sizes are in bytes.
 */

type MatrixExport = (...operands: number[]) => void;

/** Makes a kernel of an export of the matmul module. */
export function bindMatrixKernel(
  role: MatrixRole,
  exported: CallableFunction,
  words: Int32Array,
  scratch: number,
): BoundKernel {
  return binders[role](exported as MatrixExport, words, scratch);
}

const binders: Record<MatrixRole, (run: MatrixExport, words: Int32Array, scratch: number) => BoundKernel> = {
  multiply: (run, words, scratch) => (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    run(
      words[at],
      words[at + 1],
      words[at + 2],
      begin,
      end,
      words[words[at + 3] >>> 2],
      words[at + 4],
      words[at + 5],
      words[at + 6],
      scratch,
    );
  },

  multiplyExperts: (run, words, scratch) => (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    const inUse = words[at + 3] >>> 2;
    const firstRows = words[at + 4] >>> 2;
    const inputStride = words[at + 6];
    const outputStride = words[at + 7];
    const matrixBytes = words[at + 8];
    const rows = words[at + 9];
    const chunkRows = words[at + 10];
    const chunks = words[at + 11];
    for (let unit = begin; unit < end; unit++) {
      const index = Math.floor(unit / chunks);
      const rowBegin = (unit - index * chunks) * chunkRows;
      const expert = words[inUse + index];
      const first = words[firstRows + expert];
      const tokens = words[firstRows + expert + 1] - first;
      const rowEnd = Math.min(rows, rowBegin + chunkRows);
      run(
        words[at] + expert * matrixBytes,
        words[at + 1] + first * inputStride,
        words[at + 2] + first * outputStride,
        rowBegin,
        rowEnd,
        tokens,
        words[at + 5],
        inputStride,
        outputStride,
        scratch,
      );
    }
  },

  convert: (run, words) => (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    const columns = words[at + 4];
    const blockColumns = words[at + 5];
    const blocks = words[at + 6];
    if (blocks === 1) {
      run(words[at], words[at + 1], words[at + 2], words[at + 3], 0, columns, begin, end);
      return;
    }
    for (let unit = begin; unit < end; unit++) {
      const row = Math.floor(unit / blocks);
      const first = (unit - row * blocks) * blockColumns;
      run(
        words[at],
        words[at + 1],
        words[at + 2],
        words[at + 3],
        first,
        Math.min(columns, first + blockColumns),
        row,
        row + 1,
      );
    }
  },

  lookup: (run, words) => (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    const indexes = words[at + 1] >>> 2;
    for (let unit = begin; unit < end; unit++)
      run(words[at], words[indexes + unit], words[at + 3], words[at + 2] + unit * words[at + 4]);
  },

  pack: (run, words) => (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    const first = words[at + 2];
    run(words[at] + begin * words[at + 4], words[at + 1], first + begin, first + end, words[at + 3]);
  },
};
