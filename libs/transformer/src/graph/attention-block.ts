import {
  addBias,
  attention,
  attentionScratchBytes,
  clampRows,
  kvPageBytes,
  kvWrite,
  ropeHalves,
  ropePairs,
  ropeTable,
  scaleByToken,
  tileTokens,
  type AttentionShape,
  type KernelCall,
  type Placed,
  type Task,
} from '@starling/kernels';
import type { AttentionSpec, HeadNormSpec, LinearSpec, RopeSpec } from '../architecture/model-spec.js';
import { ropeFrequencies } from '../architecture/rope.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiplyTask } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';
import { temperatureFactors } from './temperature.js';
import type { MatrixWeight } from './weights.js';

/** Units of attention for each token that all workers should find work in. */
const unitsPerThread = 2;

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

function project(graph: Graph, { projection, heads, kvHeads, keyLength }: AttentionSpec, input: Rows, rows: HeadRows & { qkv: Rows; values: Rows }): HeadBiases {
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
  graph.parallel(task(projection.q, rows.queries), task(projection.k, rows.keys), task(projection.v, rows.values));
  const bias = ({ bias: tensor }: LinearSpec): Placed | undefined => tensor && graph.tensor(tensor);
  return { q: bias(projection.q), k: bias(projection.k), v: bias(projection.v) };
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

function rotation(graph: Graph, rope: RopeSpec, rows: Rows, heads: number, keyLength: number): KernelCall {
  const pairs = rope.dimensions / 2;
  const key = JSON.stringify({ ...rope, factors: rope.factors?.name });
  const table = graph.rows(`rope ${key}`, 2 * pairs);
  const frequencies = (): Placed =>
    rope.factors
      ? graph.vector('rope frequencies', { tensor: rope.factors, derive: (factors) => ropeFrequencies(rope, factors) }, 8 * pairs)
      : graph.vector('rope frequencies', ropeFrequencies(rope), 8 * pairs);
  graph.prologue(key, () => ({
    per: 'tokens',
    factor: 1,
    chunk: headChunk,
    calls: [ropeTable({ positions: graph.step.part('positions'), frequencies: frequencies(), pairs, table: table.at, tableStride: table.stride, magnitude: rope.magnitude })],
  }));
  const rotate = rope.style === 'pairs' ? ropePairs : ropeHalves;
  return rotate.call({ values: rows.at, tokenStride: rows.stride, headStride: 4 * keyLength, heads, pairs, table: table.at, tableStride: table.stride });
}

function shapeOf(graph: Graph, spec: AttentionSpec): AttentionShape {
  const { kvFormat, pageTokens, threads } = graph.options;
  const group = spec.heads / spec.kvHeads;
  return {
    kv: { format: kvFormat, pageTokens, heads: spec.kvHeads, keyLength: spec.keyLength, valueLength: spec.valueLength },
    group,
    parts: partsOf(group, spec.kvHeads, unitsPerThread * threads),
    causal: graph.options.causal,
    window: spec.window !== undefined,
    softcap: spec.softcap !== undefined,
    sinks: spec.sinks !== undefined,
    alibi: spec.alibiMaxBias !== undefined,
  };
}

/** The fewest parts that divide a group and give every worker something to do for a single token. */
function partsOf(group: number, kvHeads: number, wanted: number): number {
  for (let parts = 1; parts < group; parts++) {
    if (group % parts === 0 && parts * kvHeads >= wanted) return parts;
  }
  return kvHeads >= wanted ? 1 : group;
}

function writeCall(graph: Graph, { kv }: AttentionShape, pages: Placed, keys: Rows, values: Rows): KernelCall {
  return kvWrite(kv).call({
    key: keys.at,
    keyTokenStride: keys.stride,
    value: values.at,
    valueTokenStride: values.stride,
    heads: kv.heads,
    pages,
    pageStride: kvPageBytes(kv),
    tokenPages: graph.step.part('tokenPages'),
    tokenOffsets: graph.step.part('tokenOffsets'),
  });
}

function attentionTask(graph: Graph, spec: AttentionSpec, shape: AttentionShape, pages: Placed, queries: Rows, output: Rows): Task {
  graph.needScratch(attentionScratchBytes(shape));
  graph.tileTokens = Math.min(graph.tileTokens, tileTokens(shape.group));
  const slopes = spec.alibiMaxBias === undefined ? queries.at : graph.vector('alibi slopes', alibiSlopes(spec.heads, spec.alibiMaxBias), 4 * spec.heads);
  const call = attention(shape).call({
    query: queries.at,
    queryStride: queries.stride,
    output: output.at,
    outputStride: output.stride,
    pages,
    pageStride: kvPageBytes(shape.kv),
    tiles: graph.step.part('tiles'),
    positions: graph.step.part('positions'),
    scale: spec.scale,
    softcap: spec.softcap ?? 0,
    window: spec.window ?? 0,
    sinks: spec.sinks ? graph.tensor(spec.sinks) : queries.at,
    slopes,
  });
  return { per: 'tiles', factor: shape.kv.heads * shape.parts, chunk: 1, calls: [call] };
}

/** Slopes of ALiBi: powers of 2^(-bias / n) for the largest power of two n among the heads, then every second of the next finer series. */
export function alibiSlopes(heads: number, maxBias: number): Float32Array {
  const whole = 2 ** Math.floor(Math.log2(heads));
  const coarse = 2 ** (-maxBias / whole);
  const fine = 2 ** (-maxBias / 2 / whole);
  return Float32Array.from({ length: heads }, (_, head) => (head < whole ? coarse ** (head + 1) : fine ** (2 * (head - whole) + 1)));
}
