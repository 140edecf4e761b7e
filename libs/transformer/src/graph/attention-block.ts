import type { KernelCall, Placed, Task } from '@starling/kernels';
import {
  addBias,
  clampRows,
  gatedActivations,
  kvPageBytes,
  scaleByGroup,
  scaleByToken,
  scaleRows,
} from '@starling/kernels/internal';
import type { AttentionSpec, HeadNormSpec } from '../architecture/block-spec.js';
import { gateRows, project, projectionMaps, type HeadBiases } from './attention-projection.js';
import type { Graph, KvRegion } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiply } from './linear.js';
import { normCall } from './norm.js';
import { rotation } from './rotation.js';
import { columnsOf, type Rows } from './rows.js';
import { outputGate } from './output-gate.js';
import { attentionTask, shapeOf, writeCall } from './scores.js';
import { temperatureFactors } from './temperature.js';
import type { MatrixWeight } from './weights.js';

/** Heads of tokens that a worker takes at a time for what is little work. */
const headChunk = 8;

/** Matrices that read the block's input. */
export function attentionInputs(graph: Graph, { projection, gate }: AttentionSpec): MatrixWeight[] {
  return [...projectionMaps(projection), ...(gate ? [gate.linear] : [])].map((linear) => matrixOf(graph, linear));
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

  const shape = shapeOf(graph, spec);
  const perHead = (factor: number, calls: KernelCall[]): Task => ({ per: 'tokens', factor, chunk: headChunk, calls });
  const ofQueries = (): Task => perHead(heads, queryCalls(graph, spec, queries, biases));
  const ofKeys = (pages: KvRegion): Task =>
    perHead(kvHeads, [
      ...keyCalls(graph, spec, keys, biases),
      ...valueCalls(graph, spec, values, biases),
      writeCall(graph, shape, pages, keys, values),
    ]);
  let pages: KvRegion;
  if (spec.projection.kind === 'queries') {
    pages = graph.pagesOf(spec.projection.pagesOf);
    graph.perRow('tokens', ...rowNorms(graph, spec, biases, { queries }));
    graph.parallel(ofQueries());
  } else {
    pages = spec.borrows ? graph.pagesOf(spec.borrows) : graph.pages(kvPageBytes(shape.kv), spec);
    graph.perRow('tokens', ...rowNorms(graph, spec, biases, { queries, keys }));
    graph.parallel(ofQueries(), ofKeys(pages));
  }

  const sums = graph.rows('attention', heads * valueLength);
  graph.parallel(attentionTask(graph, spec, shape, pages, queries, sums));
  if (spec.projection.kind === 'gated') graph.perRow('tokens', gateCall(gateRows(graph, spec), sums));
  if (spec.gate) outputGate(graph, spec.gate, { heads, valueLength }, input, sums);
  graph.perRow(
    'tokens',
    ...(spec.resultNorm ? [normCall(graph, spec.resultNorm, sums, sums)] : []),
    ...convertFor(graph, sums, [matrixOf(graph, spec.output)]),
  );
  multiply(graph, [spec.output, sums, output]);
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));
  if (spec.outputScale !== undefined)
    graph.perRow(
      'tokens',
      scaleRows.call({
        input: output.at,
        inputStride: output.stride,
        output: output.at,
        outputStride: output.stride,
        bytes: 4 * output.columns,
        scale: spec.outputScale,
      }),
    );
}

/** sums * logistic(gates). */
function gateCall(gates: Rows, sums: Rows): KernelCall {
  const rowBytes = 4 * sums.columns;
  return gatedActivations.sigmoid.call({
    input: gates.at,
    inputStride: gates.stride,
    up: sums.at,
    upStride: sums.stride,
    output: sums.at,
    outputStride: sums.stride,
    rowBytes,
    blockBytes: rowBytes,
    blocks: 1,
  });
}

/** Norms over whole rows come before heads can be worked on one by one; so does what comes before them. */
function rowNorms(
  graph: Graph,
  spec: AttentionSpec,
  biases: HeadBiases,
  { queries, keys }: { readonly queries: Rows; readonly keys?: Rows },
): KernelCall[] {
  const calls = (norm: HeadNormSpec | undefined, rows: Rows | undefined, bias: Placed | undefined): KernelCall[] => {
    if (norm?.over !== 'row' || !rows) return [];
    return [...projectedCalls(spec, rows, 1, bias), normCall(graph, norm, rows, rows)];
  };
  return [...calls(spec.queryNorm, queries, biases.q), ...calls(spec.keyNorm, keys, biases.k)];
}

function queryCalls(graph: Graph, spec: AttentionSpec, queries: Rows, biases: HeadBiases): KernelCall[] {
  const calls = headCalls(graph, spec, queries, spec.heads, spec.queryNorm, biases.q);
  if (spec.temperature) {
    const factors = temperatureFactors(graph, spec.temperature);
    calls.push(
      scaleByToken.call({
        target: queries.at,
        tokenStride: queries.stride,
        groupStride: 4 * spec.keyLength,
        groups: spec.heads,
        factors,
        bytes: 4 * spec.keyLength,
      }),
    );
  }
  return calls;
}

function keyCalls(graph: Graph, spec: AttentionSpec, keys: Rows, biases: HeadBiases): KernelCall[] {
  return headCalls(graph, spec, keys, spec.kvHeads, spec.keyNorm, biases.k);
}

function valueCalls(graph: Graph, spec: AttentionSpec, values: Rows, { v }: HeadBiases): KernelCall[] {
  const norms = spec.valueNorm
    ? [normCall(graph, spec.valueNorm, values, values, { groups: spec.kvHeads, columns: spec.valueLength })]
    : [];
  return [...projectedCalls(spec, values, spec.kvHeads, v), ...norms];
}

/** What is done to projected rows before anything else: bias, clamp. */
function projectedCalls(spec: AttentionSpec, rows: Rows, groups: number, bias: Placed | undefined): KernelCall[] {
  const target = { target: rows.at, tokenStride: rows.stride, groups, bytes: (4 * rows.columns) / groups };
  return [
    ...(bias ? [addBias.call({ ...target, bias })] : []),
    ...(spec.clamp === undefined ? [] : [clampRows.call({ ...target, limit: spec.clamp })]),
  ];
}

/** Bias, clamp, norm and rotation of heads. */
function headCalls(
  graph: Graph,
  spec: AttentionSpec,
  rows: Rows,
  heads: number,
  norm: HeadNormSpec | undefined,
  bias: Placed | undefined,
): KernelCall[] {
  const { keyLength } = spec;
  const calls = norm?.over === 'row' ? [] : projectedCalls(spec, rows, heads, bias);
  const norms = norm?.over === 'head' ? [normCall(graph, norm, rows, rows, { groups: heads, columns: keyLength })] : [];
  if (norm?.scales) {
    const bytes = 4 * keyLength;
    norms.push(
      scaleByGroup.call({
        target: rows.at,
        tokenStride: rows.stride,
        groupStride: bytes,
        groups: heads,
        factors: graph.tensor(norm.scales),
        factorsStride: 0,
        bytes,
      }),
    );
  }
  const turns = spec.rope ? [rotation(graph, spec.rope, rows, heads, keyLength)] : [];
  return spec.normsAfterRotation ? [...calls, ...turns, ...norms] : [...calls, ...norms, ...turns];
}
