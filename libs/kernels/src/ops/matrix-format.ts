import type { TensorTypeName } from '@starling/gguf';
import {
  MATMUL_FORMATS,
  batchChunkRows,
  chunkRows,
  formatForType,
  QUANTIZE_EXPORT,
  ROW_GRANULARITY,
  type MatmulFormat,
  type MatmulFormatName,
} from '../matmul/format.js';
import type { KernelCall, MatrixRole, Operand, Placed } from '../program/program.js';

/** What a matrix product reads and writes. Strides are in bytes. */
export interface MultiplyOperands {
  readonly weights: Placed;
  readonly input: Placed;
  readonly inputStride: number;
  readonly output: Placed;
  readonly outputStride: number;
  readonly columns: number;
  /** Address of the word that holds the number of tokens (rows of the input). */
  readonly tokens: Placed;
}

/** A product of each expert with the rows that chose it: rows [firstRows[e], firstRows[e + 1]) of the input. */
export interface MultiplyExpertsOperands extends Omit<MultiplyOperands, 'tokens'> {
  /** Numbers of the experts that have rows. */
  readonly inUse: Placed;
  readonly firstRows: Placed;
  readonly rows: number;
  readonly chunkRows: number;
}

export interface ConvertOperands {
  readonly input: Placed;
  readonly inputStride: number;
  readonly output: Placed;
  readonly outputStride: number;
  readonly columns: number;
  /** Blocks that a row is cut into, of `blockColumns` (a multiple of 32; the last may be shorter). Default: one. */
  readonly blocks?: number;
  readonly blockColumns?: number;
}

/** Rows of a matrix picked by 32-bit numbers, as floats. */
export interface LookupOperands {
  readonly weights: Placed;
  readonly columns: number;
  /** One row number for each row of the output. */
  readonly indexes: Placed;
  readonly output: Placed;
  readonly outputStride: number;
}

/** Bytes of a file on their way into a matrix. */
export interface PackOperands {
  readonly source: Placed | number;
  readonly weights: Placed | number;
  readonly rowBegin: number;
  readonly columns: number;
  readonly fileRowBytes: number;
}

/** A form that rows of activations are brought into before a product. */
export interface ActivationFormat {
  readonly name: string;
  /** Bytes of a row. */
  rowBytes(columns: number): number;
  /** Unit = row * blocks + block. */
  convert(operands: ConvertOperands): KernelCall;
}

/** A way to keep the weights of a matrix in memory, and the calls of its kernels. */
export interface MatrixFormat {
  readonly name: MatmulFormatName;
  /** What the input's rows have to be; undefined: floats as they are. */
  readonly activation?: ActivationFormat;
  /** Rows that are packed at a time are a multiple of this. */
  readonly rowGranularity: number;
  /** Bytes of a matrix: a multiple of 64. */
  bytes(rows: number, columns: number): number;
  /** Scratch that each worker needs. */
  scratchBytes(columns: number): number;
  /** Rows that a worker should take at a time, for one token. */
  rowChunk(rows: number, columns: number, threads: number): number;
  /** The same for several tokens. */
  batchRowChunk(rows: number, threads: number): number;
  /** Unit = row of the matrix. */
  multiply(operands: MultiplyOperands): KernelCall;
  /** Unit = expert in use * chunks + chunk, with rows / chunkRows rounded up chunks. */
  multiplyExperts(operands: MultiplyExpertsOperands): KernelCall;
  /** Unit = row of the output. */
  lookup(operands: LookupOperands): KernelCall;
  /** Unit = row of the source. */
  pack(operands: PackOperands): KernelCall;
}

/** How weights of a tensor type are kept. @throws StarlingError `unsupported_model` if there is no kernel for them */
export function matrixFormatOf(type: TensorTypeName): MatrixFormat {
  return wrap(formatForType(type));
}

/** Whether weights of a tensor type have kernels of their own. */
export function hasMatrixFormat(type: TensorTypeName): boolean {
  return MATMUL_FORMATS.some(({ name }) => name === type);
}

const call = (role: MatrixRole, name: string, operands: readonly Operand[]): KernelCall => ({
  kernel: { kind: 'matrix', role, name },
  operands,
});

function wrap(format: MatmulFormat): MatrixFormat {
  const { kernels } = format;
  return {
    name: format.name,
    activation: format.activation === 'f32' ? undefined : quantizedActivation(format),
    rowGranularity: ROW_GRANULARITY,
    bytes: (rows, columns) => format.packedBytes(rows, columns),
    scratchBytes: (columns) => format.scratchBytes(columns),
    rowChunk: (rows, columns, threads) => chunkRows(format, rows, columns, threads),
    batchRowChunk: batchChunkRows,
    multiply: ({ weights, input, output, tokens, columns, inputStride, outputStride }) =>
      call('multiply', kernels.matmul, [weights, input, output, tokens, columns, inputStride, outputStride]),
    multiplyExperts: ({
      weights,
      input,
      output,
      inUse,
      firstRows,
      columns,
      inputStride,
      outputStride,
      rows,
      chunkRows: chunk,
    }) =>
      call('multiplyExperts', kernels.matmul, [
        weights,
        input,
        output,
        inUse,
        firstRows,
        columns,
        inputStride,
        outputStride,
        format.packedBytes(rows, columns),
        rows,
        chunk,
        Math.ceil(rows / chunk),
      ]),
    lookup: ({ weights, indexes, output, columns, outputStride }) =>
      call('lookup', kernels.unpackRow, [weights, indexes, output, columns, outputStride]),
    pack: ({ source, weights, rowBegin, columns, fileRowBytes }) =>
      call('pack', kernels.pack, [source, weights, rowBegin, columns, fileRowBytes]),
  };
}

function quantizedActivation(format: MatmulFormat): ActivationFormat {
  return {
    name: format.activation,
    rowBytes: (columns) => format.activationBytes(columns),
    convert: ({ input, inputStride, output, outputStride, columns, blocks = 1, blockColumns = columns }) =>
      call('convert', QUANTIZE_EXPORT, [input, inputStride, output, outputStride, columns, blockColumns, blocks]),
  };
}
