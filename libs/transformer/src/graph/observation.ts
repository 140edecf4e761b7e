import type { Placed } from '@starling/kernels';
import type { RangeHome } from './placement.js';

/** Where the squares of what enters a tensor's matrices are summed. */
export interface Observation {
  readonly tensor: string;
  /** Matrices of the tensor: experts or heads. */
  readonly matrices: number;
  readonly columns: number;
  readonly home: RangeHome;
  /** (matrices, columns) floats, then one count for each matrix. */
  readonly place: Placed;
}
