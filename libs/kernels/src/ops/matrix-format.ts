import type { KernelCall, Placed } from '../program/program.js';
import { denseMatmul, type MatmulOperands } from './dense-matmul.js';
import { gatherRows } from './elementwise.js';

/** A form that rows of activations are brought into before a product. */
export interface ActivationFormat {
  readonly name: string;
  rowBytes(columns: number): number;
  /** Unit = row. */
  convert(operands: { input: Placed; inputStride: number; output: Placed; outputStride: number; columns: number }): KernelCall;
}

/** Rows of a matrix picked by 32-bit numbers, as floats. Unit = row of the output. */
export interface LookupOperands {
  readonly weights: Placed;
  readonly rows: number;
  readonly columns: number;
  readonly indexes: Placed;
  readonly output: Placed;
  readonly outputStride: number;
}

/** A way to keep the weights of a matrix in memory, and the kernels that read them. */
export interface MatrixFormat {
  readonly name: string;
  /** What the input's rows have to be; undefined: floats. */
  readonly activation?: ActivationFormat;
  /** Rows that a worker takes at a time are a multiple of this. */
  readonly rowGranularity: number;
  /** Bytes of a matrix: a multiple of 64. */
  bytes(rows: number, columns: number): number;
  /** Unit = row of the matrix. */
  multiply(operands: MatmulOperands): KernelCall;
  lookup(operands: LookupOperands): KernelCall;
}

/** Rows of floats as they are: for small matrices that choose experts. */
export const denseFormat: MatrixFormat = {
  name: 'dense',
  rowGranularity: 1,
  bytes: (rows, columns) => Math.ceil((rows * columns) / 16) * 64,
  multiply: denseMatmul,
  lookup: ({ weights, columns, indexes, output, outputStride }) =>
    gatherRows.call({ table: weights, tableStride: 4 * columns, indexes, output, outputStride, bytes: 4 * columns }),
};
