import type { TensorInfo, TensorTypeName } from '@starling/gguf';
import type { MatrixFormat, Placed } from '@starling/kernels';
import type { Place, RangeHome } from './placement.js';

/** A matrix (or one for each expert, one after another) in the form its kernels read. */
export interface MatrixWeight {
  /** What messages call it: the name of its tensor, or of what it is made for. */
  readonly label: string;
  readonly source: TensorInfo | MadeRows;
  readonly format: MatrixFormat;
  readonly rows: number;
  readonly columns: number;
  /** Experts, each of `format.bytes(rows, columns)`. */
  readonly count: number;
  readonly bytes: number;
  readonly home: RangeHome;
  readonly place: Place;
}

/** The thin matrices of all adapters beside one matrix, side by side. */
export interface AdapterMatrices {
  /** (rank, columns); of the embedding table (vocabulary, rank). */
  readonly down: MatrixWeight;
  /** (rows, rank) */
  readonly up: MatrixWeight;
  /** Which adapter each vector of a row between is of, see `weighSegments`. */
  readonly segments: Placed;
  readonly rank: number;
}

/** Values as floats: norms, biases, tables of positions. */
export interface VectorWeight {
  readonly label: string;
  readonly bytes: number;
  readonly home: RangeHome;
  readonly place: Place;
  /** Where the values come from: a tensor, or numbers computed from others at load, or whole words. */
  readonly source: TensorInfo | Float32Array | Float64Array | Int32Array | DerivedValues | MadeValues;
}

/** Rows that are put together from others at load. */
export interface MadeRows {
  readonly type: TensorTypeName;
  /** Rows [from, to) of a matrix, or of one of several experts' (`index`). */
  read(index: number, from: number, to: number): Promise<Float32Array>;
}

/** The same of values. */
export interface MadeValues {
  read(): Promise<Float32Array>;
}

/** Values that are computed from a tensor's at load. */
export interface DerivedValues {
  readonly tensor: TensorInfo;
  derive(values: Float32Array): Float64Array | Float32Array;
}

/** Bytes that are read for a matrix, or about as many. */
export const fileBytesOf = ({ source, bytes }: MatrixWeight): number => ('read' in source ? bytes : source.byteLength);
