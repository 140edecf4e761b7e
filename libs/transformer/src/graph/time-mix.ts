import type { KernelCall } from '@starling/kernels';
import { multiplyAddRows, scaleRows } from '@starling/kernels/internal';
import type { TimeMix6Spec, TimeMix7Spec } from '../architecture/rwkv-spec.js';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/*
 * What RWKV's blocks that bring tokens together have in common.
 */

/** Heads of tokens that a worker takes at a time for what is little work. */
export const headChunk = 8;

/** Rows of all heads that a recurrence reads. */
export interface ScanRows {
  readonly decays: Rows;
  readonly receptances: Rows;
  readonly keys: Rows;
  readonly values: Rows;
}

/** Operands of every recurrence over a state for each head, (headLength, headLength); its state belongs to the layer. */
export function scanOperands(
  graph: Graph,
  { heads, headLength }: Pick<TimeMix6Spec | TimeMix7Spec, 'headLength' | 'heads'>,
  { decays, receptances, keys, values }: ScanRows,
  result: Rows,
) {
  const slotStride = 4 * heads * headLength * headLength;
  return {
    r: receptances.at,
    rStride: receptances.stride,
    k: keys.at,
    kStride: keys.stride,
    v: values.at,
    vStride: values.stride,
    decays: decays.at,
    decaysStride: decays.stride,
    output: result.at,
    outputStride: result.stride,
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    heads,
    headLength,
  };
}

/** to = from * scale. Unit = row. */
export const copied = (from: Rows, to: Rows, scale = 1): KernelCall =>
  scaleRows.call({
    input: from.at,
    inputStride: from.stride,
    output: to.at,
    outputStride: to.stride,
    bytes: 4 * to.columns,
    scale,
  });

/** rows += a * b. Unit = row. */
export const multiplyAdd = (rows: Rows, a: Rows, b: Rows): KernelCall =>
  multiplyAddRows.call({
    target: rows.at,
    targetStride: rows.stride,
    base: rows.at,
    baseStride: rows.stride,
    a: a.at,
    aStride: a.stride,
    b: b.at,
    bStride: b.stride,
    bytes: 4 * rows.columns,
  });
