import { assert } from '@starling/core';
import { addBias, clampRows, copyGroups, gatedActivations, kvPageBytes, scaleByToken, type KernelCall, type Placed, type Task } from '@starling/kernels';
import type { AttentionSpec, HeadNormSpec, LinearSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiplyTask } from './linear.js';
import { normCall } from './norm.js';
import { rotation } from './rotation.js';
import { columnsOf, type Rows } from './rows.js';
import { attentionTask, shapeOf, writeCall } from './scores.js';
import { temperatureFactors } from './temperature.js';
import type { MatrixWeight } from './weights.js';

/** Heads of tokens that a worker takes at a time for what is little work. */
const headChunk = 8;

/** Matrices that read the block's input. */
export function attentionInputs(graph: Graph, { projection }: AttentionSpec): MatrixWeight[] {
  return projection.kind === 'fused' ? [matrixOf(graph, projection.qkv)] : [projection.q, projection.k, projection.v].map((linear) => matrixOf(graph, linear));
}

/**
 * Attention over the pages of each sequence: projections, norms and rotation of heads, keys and values to their pages, weighted sums,
 * output projection into `output`. The input must have been converted for `attentionInputs`.
 */
export function attentionBlock(graph: Graph, spec: AttentionSpec, input: Rows, output: Rows): void {
  const { heads, kvHeads, keyLength, valueLength } = spec;
  const qkv = graph.rows('qkv', heads * keyLength + kvHeads * (keyLength + valueLength));
  const queries = columnsOf(qkv, 0, heads * keyLength);
  const keys = columnsOf(qkv, heads * keyLength, kvHeads * keyLength);
  const values = columnsOf(qkv, heads * keyLength + kvHeads * keyLength, kvHeads * valueLength);
  const biases = project(graph, spec, input, { qkv, queries, keys, values });

  graph.perRow('tokens', ...rowNorms(graph, spec, biases, { queries, keys }));
  const shape = shapeOf(graph, spec);
  const pages = graph.pages(kvPageBytes(shape.kv));
  graph.parallel(
    { per: 'tokens', factor: heads, chunk: headChunk, calls: queryCalls(graph, spec, queries, biases) },
    { per: 'tokens', factor: kvHeads, chunk: headChunk, calls: [...keyCalls(graph, spec, keys, biases), ...valueCalls(spec, values, biases), writeCall(graph, shape, pages, keys, values)] },
  );

  const sums = graph.rows('attention', heads * valueLength);
  graph.parallel(attentionTask(graph, spec, shape, pages, queries, sums));
  if (spec.projection.kind === 'gated') graph.perRow('tokens', gateCall(gateRows(graph, spec), sums));
  const matrix = matrixOf(graph, spec.output);
  graph.perRow('tokens', ...convertFor(graph, sums, [matrix]));
  graph.parallel(multiplyTask(graph, matrix, sums, output));
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));
}

interface HeadRows {
  readonly queries: Rows;
  readonly keys: Rows;
}

/** Biases that are still to be added to queries, keys and values. */
interface HeadBiases {
  readonly q?: Placed;
  readonly k?: Placed;
  readonly v?: Placed;
}

interface ProjectedRows extends HeadRows {
  readonly qkv: Rows;
  readonly values: Rows;
}

function project(graph: Graph, spec: AttentionSpec, input: Rows, rows: ProjectedRows): HeadBiases {
  const { projection, heads, kvHeads, keyLength } = spec;
  if (projection.kind === 'fused') {
    graph.parallel(multiplyTask(graph, matrixOf(graph, projection.qkv), input, rows.qkv));
    if (!projection.qkv.bias) return {};
    const bias = graph.tensor(projection.qkv.bias);
    const part = (first: number): Placed => ({
      get address() {
        return bias.address + 4 * first;
      },
    });
    return { q: bias, k: part(heads * keyLength), v: part((heads + kvHeads) * keyLength) };
  }
  const task = (linear: LinearSpec, to: Rows): Task => multiplyTask(graph, matrixOf(graph, linear), input, to);
  if (projection.kind === 'gated') return projectGated(graph, spec, input, rows);
  graph.parallel(task(projection.q, rows.queries), task(projection.k, rows.keys), task(projection.v, rows.values));
  const bias = ({ bias: tensor }: LinearSpec): Placed | undefined => tensor && graph.tensor(tensor);
  return { q: bias(projection.q), k: bias(projection.k), v: bias(projection.v) };
}

/** Queries and gates come head by head from one matrix; they are parted into rows of queries and rows of gates. */
function projectGated(graph: Graph, { projection, heads, keyLength }: AttentionSpec, input: Rows, rows: ProjectedRows): HeadBiases {
  assert(projection.kind === 'gated', 'the projection has gates');
  const both = graph.rows('queries and gates', 2 * heads * keyLength);
  const gates = gateRows(graph, { heads, keyLength });
  const task = (linear: LinearSpec, to: Rows): Task => multiplyTask(graph, matrixOf(graph, linear), input, to);
  graph.parallel(task(projection.q, both), task(projection.k, rows.keys), task(projection.v, rows.values));
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
  graph.perRow('tokens', ...biasCalls(graph, projection.q, both));
  graph.parallel({ per: 'tokens', factor: heads, chunk: headChunk, calls: [part(0, rows.queries), part(keyLength, gates)] });
  return { k: projection.k.bias && graph.tensor(projection.k.bias), v: projection.v.bias && graph.tensor(projection.v.bias) };
}

const gateRows = (graph: Graph, { heads, keyLength }: Pick<AttentionSpec, 'heads' | 'keyLength'>): Rows => graph.rows('attention gates', heads * keyLength);

/** sums * logistic(gates). */
function gateCall(gates: Rows, sums: Rows): KernelCall {
  const rowBytes = 4 * sums.columns;
  return gatedActivations.sigmoid.call({ input: gates.at, inputStride: gates.stride, up: sums.at, upStride: sums.stride, output: sums.at, outputStride: sums.stride, rowBytes, blockBytes: rowBytes, blocks: 1 });
}

/** Norms over whole rows come before heads can be worked on one by one; so does what comes before them. */
function rowNorms(graph: Graph, spec: AttentionSpec, biases: HeadBiases, { queries, keys }: HeadRows): KernelCall[] {
  const calls = (norm: HeadNormSpec | undefined, rows: Rows, bias: Placed | undefined): KernelCall[] => {
    if (norm?.over !== 'row') return [];
    return [...projectedCalls(spec, rows, 1, bias), normCall(graph, norm, rows, rows)];
  };
  return [...calls(spec.queryNorm, queries, biases.q), ...calls(spec.keyNorm, keys, biases.k)];
}

function queryCalls(graph: Graph, spec: AttentionSpec, queries: Rows, biases: HeadBiases): KernelCall[] {
  const calls = headCalls(graph, spec, queries, spec.heads, spec.queryNorm, biases.q);
  if (spec.temperature) {
    const factors = temperatureFactors(graph, spec.temperature);
    calls.push(scaleByToken.call({ target: queries.at, tokenStride: queries.stride, groupStride: 4 * spec.keyLength, groups: spec.heads, factors, bytes: 4 * spec.keyLength }));
  }
  return calls;
}

function keyCalls(graph: Graph, spec: AttentionSpec, keys: Rows, biases: HeadBiases): KernelCall[] {
  return headCalls(graph, spec, keys, spec.kvHeads, spec.keyNorm, biases.k);
}

function valueCalls(spec: AttentionSpec, values: Rows, { v }: HeadBiases): KernelCall[] {
  return projectedCalls(spec, values, spec.kvHeads, v);
}

/** What is done to projected rows before anything else: bias, clamp. */
function projectedCalls(spec: AttentionSpec, rows: Rows, groups: number, bias: Placed | undefined): KernelCall[] {
  const target = { target: rows.at, tokenStride: rows.stride, groups, bytes: (4 * rows.columns) / groups };
  return [...(bias ? [addBias.call({ ...target, bias })] : []), ...(spec.clamp === undefined ? [] : [clampRows.call({ ...target, limit: spec.clamp })])];
}

/** Bias, clamp, norm and rotation of heads. */
function headCalls(graph: Graph, spec: AttentionSpec, rows: Rows, heads: number, norm: HeadNormSpec | undefined, bias: Placed | undefined): KernelCall[] {
  const { keyLength } = spec;
  const calls = norm?.over === 'row' ? [] : projectedCalls(spec, rows, heads, bias);
  if (norm?.over === 'head') calls.push(normCall(graph, norm, rows, rows, { groups: heads, columns: keyLength }));
  if (spec.rope) calls.push(rotation(graph, spec.rope, rows, heads, keyLength));
  return calls;
}
