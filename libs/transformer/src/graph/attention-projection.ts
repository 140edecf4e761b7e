import { assert } from '@starling/core';
import type { KernelCall, Placed } from '@starling/kernels';
import { copyGroups, scaleRows } from '@starling/kernels/internal';
import type { AttentionSpec, LinearSpec, ProjectionSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { biasCalls, multiply, scaleCalls } from './linear.js';
import { columnsOf, type Rows } from './rows.js';

/** Heads of tokens that a worker takes at a time for what is little work. */
const headChunk = 8;

/** The maps that make queries, keys and values. */
export function projectionMaps(projection: ProjectionSpec): readonly LinearSpec[] {
  switch (projection.kind) {
    case 'fused':
      return [projection.qkv];
    case 'queries':
      return [projection.q];
    case 'keysAsValues':
      return [projection.q, projection.k];
    case 'gated':
    case 'separate':
      return [projection.q, projection.k, projection.v];
  }
}

/** Biases that are still to be added to queries, keys and values. */
export interface HeadBiases {
  readonly q?: Placed;
  readonly k?: Placed;
  readonly v?: Placed;
}

/** Where queries, keys and values go; the three lie side by side in `qkv`. */
export interface ProjectedRows {
  readonly qkv: Rows;
  readonly queries: Rows;
  readonly keys: Rows;
  readonly values: Rows;
}

/** Queries, keys and values of the input, which must have been converted for the projection's matrices. */
export function project(graph: Graph, spec: AttentionSpec, input: Rows, rows: ProjectedRows): HeadBiases {
  const { projection } = spec;
  switch (projection.kind) {
    case 'fused':
      return projectFused(graph, spec, input, rows);
    case 'gated':
      return projectGated(graph, spec, input, rows);
    case 'queries':
      return projectEach(graph, input, [projection.q, rows.queries]);
    case 'keysAsValues': {
      const { q, k } = projectEach(graph, input, [projection.q, rows.queries], [projection.k, rows.keys]);
      const { keys, values } = rows;
      graph.perRow(
        'tokens',
        scaleRows.call({
          input: keys.at,
          inputStride: keys.stride,
          output: values.at,
          outputStride: values.stride,
          bytes: 4 * keys.columns,
          scale: 1,
        }),
      );
      return { q, k, v: k };
    }
    case 'separate':
      return projectEach(
        graph,
        input,
        [projection.q, rows.queries],
        [projection.k, rows.keys],
        [projection.v, rows.values],
      );
  }
}

type Map = readonly [LinearSpec, Rows];

/** Queries, keys and values from a matrix each, as far as there is one. */
function projectEach(graph: Graph, input: Rows, ...maps: readonly Map[]): HeadBiases {
  multiply(graph, ...maps.map(([linear, to]) => [linear, input, to] as const));
  graph.perRow('tokens', ...maps.flatMap(([linear, to]) => scaleCalls(graph, linear, to)));
  const [q, k, v] = maps.map(([{ bias }]) => bias && graph.tensor(bias));
  return { q, k, v };
}

function projectFused(
  graph: Graph,
  { projection, heads, kvHeads, keyLength }: AttentionSpec,
  input: Rows,
  rows: ProjectedRows,
): HeadBiases {
  assert(projection.kind === 'fused', 'the projection is one matrix');
  multiply(graph, [projection.qkv, input, rows.qkv]);
  graph.perRow('tokens', ...scaleCalls(graph, projection.qkv, rows.qkv));
  const { biases } = projection;
  if (biases) return { q: graph.tensor(biases.q), k: graph.tensor(biases.k), v: graph.tensor(biases.v) };
  if (!projection.qkv.bias) return {};
  const bias = graph.tensor(projection.qkv.bias);
  const part = (first: number): Placed => ({
    get address() {
      return bias.address + 4 * first;
    },
  });
  return { q: bias, k: part(heads * keyLength), v: part((heads + kvHeads) * keyLength) };
}

/** Queries and gates come head by head from one matrix; they are parted into rows of queries and rows of gates. */
function projectGated(
  graph: Graph,
  { projection, heads, keyLength }: AttentionSpec,
  input: Rows,
  rows: ProjectedRows,
): HeadBiases {
  assert(projection.kind === 'gated', 'the projection has gates');
  const both = graph.rows('queries and gates', 2 * heads * keyLength);
  const gates = gateRows(graph, { heads, keyLength });
  multiply(graph, [projection.q, input, both], [projection.k, input, rows.keys], [projection.v, input, rows.values]);
  const bytes = 4 * keyLength;
  const part = (first: number, target: Rows): KernelCall =>
    copyGroups.call({
      source: columnsOf(both, first, keyLength).at,
      sourceTokenStride: both.stride,
      sourceGroupStride: 2 * bytes,
      target: target.at,
      targetTokenStride: target.stride,
      targetGroupStride: bytes,
      groups: heads,
      bytes,
    });
  graph.perRow(
    'tokens',
    ...biasCalls(graph, projection.q, both),
    ...scaleCalls(graph, projection.k, rows.keys),
    ...scaleCalls(graph, projection.v, rows.values),
  );
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: headChunk,
    calls: [part(0, rows.queries), part(keyLength, gates)],
  });
  return {
    k: projection.k.bias && graph.tensor(projection.k.bias),
    v: projection.v.bias && graph.tensor(projection.v.bias),
  };
}

/** The gates that come with queries. */
export const gateRows = (graph: Graph, { heads, keyLength }: Pick<AttentionSpec, 'heads' | 'keyLength'>): Rows =>
  graph.rows('attention gates', heads * keyLength);
