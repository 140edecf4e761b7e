import { copyGroups, deltaNetScan, gatedActivations, recurrenceGates, rmsNorm, type KernelCall, type Placed, type Task } from '@starling/kernels';
import type { LinearSpec } from '../architecture/block-spec.js';
import type { DeltaNetSpec } from '../architecture/mixer-spec.js';
import { convolutionTask } from './convolution.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiplyTask } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** Tokens, or heads of tokens, that a worker takes at a time for what is little work. */
const smallChunk = 8;

/** Matrices that read the block's input. */
export function deltaNetInputs(graph: Graph, { projection, gates }: DeltaNetSpec): MatrixWeight[] {
  const projections = projection.kind === 'fused' ? [projection.qkvGate] : [projection.qkv, projection.gate];
  const gateLinears = gates.kind === 'fused' ? [gates.both] : [gates.strength, gates.step];
  return [...projections, ...gateLinears].map((linear) => matrixOf(graph, linear));
}

/** The gated delta rule: projections, convolution, normalized queries and keys, recurrence over a state for each head, norm and gate of each head, output projection. */
export function deltaNetBlock(graph: Graph, spec: DeltaNetSpec, input: Rows, output: Rows): void {
  const { heads, keyHeads, keyLength, valueLength } = spec;
  const keys = keyHeads * keyLength;
  const { qkv, gate, gates } = project(graph, spec, input);
  const mixed = graph.rows('delta net mixed', spec.convolution.channels);
  graph.parallel(convolutionTask(graph, spec.convolution, qkv, mixed, 'silu'), { per: 'tokens', factor: 1, chunk: smallChunk, calls: [gatesCall(graph, spec, gates.rows, gates.made)] });

  const queryRows = columnsOf(mixed, 0, keys);
  const keyRows = columnsOf(mixed, keys, keys);
  graph.parallel({
    per: 'tokens',
    factor: keyHeads,
    chunk: smallChunk,
    calls: [unitLength(graph, spec, queryRows, 1 / Math.sqrt(keyLength)), unitLength(graph, spec, keyRows, 1)],
  });
  const result = graph.rows('delta net output', heads * valueLength);
  const slotStride = 4 * heads * keyLength * valueLength;
  const scan = deltaNetScan.call({
    q: queryRows.at,
    k: keyRows.at,
    v: columnsOf(mixed, 2 * keys, heads * valueLength).at,
    inputStride: mixed.stride,
    gates: gates.made.at,
    gatesStride: gates.made.stride,
    output: result.at,
    outputStride: result.stride,
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    heads,
    keyHeads,
    keyDivisor: spec.sharing === 'neighbours' ? heads / keyHeads : 1,
    keyLength,
    valueLength,
  });
  graph.parallel({ per: 'sequences', factor: heads, chunk: 1, calls: [scan] });
  graph.parallel({ per: 'tokens', factor: heads, chunk: smallChunk, calls: [normCall(graph, spec.innerNorm, result, result, { groups: heads, columns: valueLength })] });
  const rowBytes = 4 * result.columns;
  const gated = { input: gate.at, inputStride: gate.stride, up: result.at, upStride: result.stride, output: result.at, outputStride: result.stride, rowBytes, blockBytes: rowBytes, blocks: 1 };
  const matrix = matrixOf(graph, spec.output);
  graph.perRow('tokens', gatedActivations.silu.call(gated), ...convertFor(graph, result, [matrix]));
  graph.parallel(multiplyTask(graph, matrix, result, output));
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));
}

interface Projected {
  /** Queries of all key heads, then keys, then values of all heads. */
  readonly qkv: Rows;
  readonly gate: Rows;
  /** What gates are made from, and where they go. */
  readonly gates: { readonly rows: Rows; readonly made: Rows };
}

function project(graph: Graph, spec: DeltaNetSpec, input: Rows): Projected {
  const { heads, projection, gates } = spec;
  const qkv = graph.rows('delta net input', spec.convolution.channels);
  const gate = graph.rows('delta net gate', heads * spec.valueLength);
  const gateRows = graph.rows('delta net gate input', 2 * heads);
  const task = ({ weight, rows, columns }: LinearSpec, to: Rows): Task => multiplyTask(graph, graph.matrix(weight, rows, columns), input, to);
  const gateTasks = gates.kind === 'fused' ? [task(gates.both, gateRows)] : [task(gates.strength, columnsOf(gateRows, 0, heads)), task(gates.step, columnsOf(gateRows, heads, heads))];
  if (projection.kind === 'separate') graph.parallel(task(projection.qkv, qkv), task(projection.gate, gate), ...gateTasks);
  else {
    const all = graph.rows('delta net fused', projection.qkvGate.rows);
    graph.parallel(task(projection.qkvGate, all), ...gateTasks);
    graph.parallel({ per: 'tokens', factor: spec.keyHeads, chunk: smallChunk, calls: partFused(spec, all, qkv, gate) });
  }
  return { qkv, gate, gates: { rows: gateRows, made: graph.rows('recurrence gates', 2 * heads) } };
}

/** From what each key head has together to rows of queries, keys, values and gates of all heads. Unit = token * key heads + key head. */
function partFused({ heads, keyHeads, keyLength, valueLength }: DeltaNetSpec, all: Rows, qkv: Rows, gate: Rows): KernelCall[] {
  const values = (heads / keyHeads) * valueLength;
  const groupLength = 2 * keyLength + 2 * values;
  const part = (first: number, length: number, target: Rows, to: number): KernelCall =>
    copyGroups.call({
      source: columnsOf(all, first, length).at,
      sourceTokenStride: all.stride,
      sourceGroupStride: 4 * groupLength,
      target: columnsOf(target, to, keyHeads * length).at,
      targetTokenStride: target.stride,
      targetGroupStride: 4 * length,
      groups: keyHeads,
      bytes: 4 * length,
    });
  return [
    part(0, keyLength, qkv, 0),
    part(keyLength, keyLength, qkv, keyHeads * keyLength),
    part(2 * keyLength, values, qkv, 2 * keyHeads * keyLength),
    part(2 * keyLength + values, values, gate, 0),
  ];
}

function gatesCall(graph: Graph, spec: DeltaNetSpec, rows: Rows, gates: Rows): KernelCall {
  const { heads, keyHeads } = spec;
  const group = spec.gates.kind === 'fused' ? heads / keyHeads : heads;
  return recurrenceGates({
    kind: 'deltaNet',
    input: rows.at,
    inputStride: rows.stride,
    rawColumn: group,
    heads,
    group,
    bias: graph.tensor(spec.stepBias),
    rate: graph.tensor(spec.rate),
    gates: gates.at,
    gatesStride: gates.stride,
  });
}

/**
 * Each head divided by its length and multiplied by `factor`: x / sqrt(sum x^2 + epsilon) is the norm of the mean square with epsilon / n,
 * divided by sqrt(n).
 */
function unitLength(graph: Graph, { keyHeads, keyLength, epsilon }: DeltaNetSpec, rows: Rows, factor: number): KernelCall {
  const weight: Placed = graph.vector('unit length', new Float32Array(keyLength).fill(factor / Math.sqrt(keyLength)), 4 * keyLength);
  return rmsNorm.call({
    input: rows.at,
    inputTokenStride: rows.stride,
    inputGroupStride: 4 * keyLength,
    output: rows.at,
    outputTokenStride: rows.stride,
    outputGroupStride: 4 * keyLength,
    weight,
    weightGroupStride: 0,
    groups: keyHeads,
    columns: keyLength,
    epsilon: epsilon / keyLength,
  });
}
