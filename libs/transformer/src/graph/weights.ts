import type { TensorInfo } from '@starling/gguf';
import type { MatrixFormat } from '@starling/kernels';
import type { Place, RangeHome } from './placement.js';

/** A matrix (or one for each expert, one after another) in the form its kernels read. */
export interface MatrixWeight {
  readonly tensor: TensorInfo;
  readonly format: MatrixFormat;
  readonly rows: number;
  readonly columns: number;
  /** Experts, each of `format.bytes(rows, columns)`. */
  readonly count: number;
  readonly bytes: number;
  readonly home: RangeHome;
  readonly place: Place;
}

/** Values as floats: norms, biases, tables of positions. */
export interface VectorWeight {
  readonly label: string;
  readonly bytes: number;
  readonly home: RangeHome;
  readonly place: Place;
  /** Where the values come from: a tensor, or numbers computed from others at load. */
  readonly source: TensorInfo | Float32Array | Float64Array | DerivedValues;
}

/** Values that are computed from a tensor's at load. */
export interface DerivedValues {
  readonly tensor: TensorInfo;
  derive(values: Float32Array): Float64Array | Float32Array;
}
