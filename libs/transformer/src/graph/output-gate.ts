import { gatedActivations, plainActivations, scaleByGroup } from '@starling/kernels/internal';
import type { OutputGateSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { linearMaps } from './linear.js';
import type { Rows } from './rows.js';

/** Heads of tokens that a worker takes at a time. */
const headChunk = 8;

/** rows *= activation(linear input), element by element or head by head. The input must have been converted for the gate's matrix. */
export function outputGate(
  graph: Graph,
  { linear, over, activation }: OutputGateSpec,
  { heads, valueLength }: { readonly heads: number; readonly valueLength: number },
  input: Rows,
  rows: Rows,
): void {
  const gates = graph.rows('output gates', linear.rows);
  linearMaps(graph, input, [linear, gates]);
  // Rows are padded to whole vectors.
  const rowBytes = 16 * Math.ceil(linear.rows / 4);
  const operands = { input: gates.at, inputStride: gates.stride, rowBytes, blockBytes: rowBytes, blocks: 1 };
  if (over === 'elements') {
    graph.perRow(
      'tokens',
      gatedActivations[activation].call({
        ...operands,
        up: rows.at,
        upStride: rows.stride,
        output: rows.at,
        outputStride: rows.stride,
      }),
    );
    return;
  }
  graph.perRow(
    'tokens',
    plainActivations[activation].call({
      ...operands,
      up: gates.at,
      upStride: gates.stride,
      output: gates.at,
      outputStride: gates.stride,
    }),
  );
  const bytes = 4 * valueLength;
  const scale = scaleByGroup.call({
    target: rows.at,
    tokenStride: rows.stride,
    groupStride: bytes,
    groups: heads,
    factors: gates.at,
    factorsStride: gates.stride,
    bytes,
  });
  graph.parallel({ per: 'tokens', factor: heads, chunk: headChunk, calls: [scale] });
}
