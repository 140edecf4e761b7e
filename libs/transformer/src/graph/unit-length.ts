import type { KernelCall } from '@starling/kernels';
import { rmsNorm } from '@starling/kernels/internal';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

export interface UnitLengthOptions {
  readonly heads: number;
  readonly length: number;
  /** Added to the sum of squares. */
  readonly epsilon: number;
  readonly factor: number;
}

/**
 * Each head divided by its length and multiplied by `factor`, in place: x / sqrt(sum x^2 + epsilon) is the norm of the mean square with
 * epsilon / n, divided by sqrt(n). Unit = token * heads + head.
 */
export function unitLength(
  graph: Graph,
  rows: Rows,
  { heads, length, epsilon, factor }: UnitLengthOptions,
): KernelCall {
  return rmsNorm.call({
    input: rows.at,
    inputTokenStride: rows.stride,
    inputGroupStride: 4 * length,
    output: rows.at,
    outputTokenStride: rows.stride,
    outputGroupStride: 4 * length,
    weight: graph.vector('unit length', new Float32Array(length).fill(factor / Math.sqrt(length)), 4 * length),
    weightGroupStride: 0,
    groups: heads,
    columns: length,
    epsilon: epsilon / length,
  });
}
