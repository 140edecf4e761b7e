import type { KernelCall, Placed } from '@starling/kernels';
import { ropeHalves, ropePairs, ropeTable } from '@starling/kernels/internal';
import type { RopeSpec } from '../architecture/block-spec.js';
import { ropeFrequencies } from '../architecture/rope.js';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/** Tokens whose cosines and sines a worker makes at a time. */
const tokenChunk = 8;

/**
 * Turns heads by their positions, in place. Unit = token * heads + head.
 * @param rows the first head begins where these begin; neighbours are `headLength` floats apart
 */
export function rotation(graph: Graph, rope: RopeSpec, rows: Rows, heads: number, headLength: number): KernelCall {
  const pairs = rope.dimensions / 2;
  const key = JSON.stringify({ ...rope, factors: rope.factors?.name });
  const table = graph.rows(`rope ${key}`, 2 * pairs);
  if (rope.factors) graph.tensors.add(rope.factors);
  const frequencies = (): Placed =>
    rope.factors
      ? graph.vector(
          'rope frequencies',
          { tensor: rope.factors, derive: (factors) => ropeFrequencies(rope, factors) },
          8 * pairs,
        )
      : graph.vector('rope frequencies', ropeFrequencies(rope), 8 * pairs);
  graph.prologue(key, () => ({
    per: 'tokens',
    factor: 1,
    chunk: tokenChunk,
    calls: [
      ropeTable({
        positions: graph.step.part('positions'),
        frequencies: frequencies(),
        pairs,
        table: table.at,
        tableStride: table.stride,
        magnitude: rope.magnitude,
      }),
    ],
  }));
  const rotate = rope.style === 'pairs' ? ropePairs : ropeHalves;
  return rotate.call({
    values: rows.at,
    tokenStride: rows.stride,
    headStride: 4 * headLength,
    heads,
    pairs,
    table: table.at,
    tableStride: table.stride,
  });
}
