import type { KernelCall, Placed } from '@starling/kernels';
import { multiplyAddRows } from '@starling/kernels/internal';
import type { LerpSpec } from '../architecture/block-spec.js';
import { differenceTask } from './convolution.js';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/** The way from each token's row to that of the token before (from zero where a sequence begins); the layer keeps the last row of each sequence. */
export function tokenDifference(graph: Graph, input: Rows): Rows {
  const difference = graph.rows('token difference', input.columns);
  graph.parallel(differenceTask(graph, input, difference));
  return difference;
}

/** The vector of a lerp. */
export function lerpVector(graph: Graph, { tensor, part }: LerpSpec, columns: number): Placed {
  if (tensor.rowLength * tensor.rowCount === columns) return graph.tensor(tensor);
  return graph.vector(
    `${tensor.name} ${part}`,
    { tensor, derive: (values) => values.slice(part * columns, (part + 1) * columns) },
    4 * columns,
  );
}

/** to = x + difference * factors. Unit = row. @param factors a vector for all rows, or rows */
export function lerpCall(x: Rows, difference: Rows, factors: Placed | Rows, to: Rows): KernelCall {
  const [b, bStride] = 'buffer' in factors ? [factors.at, factors.stride] : [factors, 0];
  return multiplyAddRows.call({
    target: to.at,
    targetStride: to.stride,
    base: x.at,
    baseStride: x.stride,
    a: difference.at,
    aStride: difference.stride,
    b,
    bStride,
    bytes: 4 * x.columns,
  });
}
