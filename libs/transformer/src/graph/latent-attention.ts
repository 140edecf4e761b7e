import type { KernelCall, Task } from '@starling/kernels';
import { copyGroups, kvPageBytes, scaleByToken } from '@starling/kernels/internal';
import type { ExpertsLinearSpec, LinearSpec } from '../architecture/block-spec.js';
import type { LatentAttentionSpec } from '../architecture/mixer-spec.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiply } from './linear.js';
import { normCall } from './norm.js';
import { observe } from './observe.js';
import { outputGate } from './output-gate.js';
import { asPairs, gatherPairs, headMatrix, headTables, pairRows, perHeadTask } from './per-head.js';
import { rotation } from './rotation.js';
import { columnsOf, wholeRows, type Rows } from './rows.js';
import { attentionTask, shapeOf, writeCall, type ScoreSpec } from './scores.js';
import { temperatureFactors } from './temperature.js';
import type { MatrixWeight } from './weights.js';

/** Heads of tokens that a worker takes at a time for what is little work. */
const headChunk = 8;

/** Matrices that read the block's input. */
export function latentAttentionInputs(graph: Graph, { query, reduction, gate }: LatentAttentionSpec): MatrixWeight[] {
  return [query.kind === 'direct' ? query.linear : query.first, reduction, ...(gate ? [gate.linear] : [])].map(
    (linear) => matrixOf(graph, linear),
  );
}

/**
 * Multi-head latent attention. Where each head's matrices are apart, queries are taken to the space of the latent rows and attention is
 * over those, which are key and value of all heads at once; else keys and values of all heads are made and kept.
 */
export function latentAttentionBlock(graph: Graph, spec: LatentAttentionSpec, input: Rows, output: Rows): void {
  const { heads, latentLength, plainLength, rotatedLength, valueLength } = spec;
  const queries = pairRows(graph, 'latent queries', heads, plainLength + rotatedLength);
  const reduced = graph.rows('latent keys', latentLength + rotatedLength);
  projectInput(graph, spec, input, queries, reduced);
  const sums =
    spec.expansion.kind === 'joint'
      ? attendExpanded(graph, spec, spec.expansion.linear, queries, reduced)
      : attendLatent(graph, spec, spec.expansion, queries, reduced);
  if (spec.gate) outputGate(graph, spec.gate, { heads, valueLength }, input, sums);
  graph.perRow('tokens', ...convertFor(graph, sums, [matrixOf(graph, spec.output)]));
  multiply(graph, [spec.output, sums, output]);
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));
}

/** Queries of all heads, and latent rows beside the shared part of the keys: normalized and rotated. */
function projectInput(graph: Graph, spec: LatentAttentionSpec, input: Rows, queries: Rows, reduced: Rows): void {
  const { heads, latentLength, plainLength, rotatedLength, query, rope } = spec;
  if (query.kind === 'direct') {
    multiply(graph, [query.linear, input, queries], [spec.reduction, input, reduced]);
    graph.perRow('tokens', ...biasCalls(graph, query.linear, queries), ...biasCalls(graph, spec.reduction, reduced));
  } else {
    const short = graph.rows('latent query', query.first.rows);
    multiply(graph, [query.first, input, short], [spec.reduction, input, reduced]);
    graph.perRow(
      'tokens',
      ...biasCalls(graph, query.first, short),
      ...biasCalls(graph, spec.reduction, reduced),
      normCall(graph, query.norm, short, short),
      ...convertFor(graph, short, [matrixOf(graph, query.second)]),
    );
    multiply(graph, [query.second, short, queries]);
    graph.perRow('tokens', ...biasCalls(graph, query.second, queries));
  }
  const latent = columnsOf(reduced, 0, latentLength);
  const shared = columnsOf(reduced, latentLength, rotatedLength);
  const turned = (rows: Rows, count: number, distance: number): KernelCall[] =>
    rope ? [rotation(graph, rope, rows, count, distance)] : [];
  graph.parallel(
    {
      per: 'tokens',
      factor: heads,
      chunk: headChunk,
      calls: turned(columnsOf(queries, plainLength, rotatedLength), heads, plainLength + rotatedLength),
    },
    {
      per: 'tokens',
      factor: 1,
      chunk: 1,
      calls: [
        normCall(graph, spec.latentNorm, latent, latent),
        ...(spec.sharedNorm ? [normCall(graph, spec.sharedNorm, shared, shared)] : []),
        ...turned(shared, 1, rotatedLength),
      ],
    },
  );
}

/** Attention over keys and values that are made for each head. */
function attendExpanded(
  graph: Graph,
  spec: LatentAttentionSpec,
  expansion: LinearSpec,
  queries: Rows,
  reduced: Rows,
): Rows {
  const { heads, latentLength, plainLength, rotatedLength, valueLength } = spec;
  const keyLength = plainLength + rotatedLength;
  const score: ScoreSpec = {
    heads,
    kvHeads: heads,
    keyLength,
    valueLength,
    scale: spec.scale,
    window: spec.window,
    sinks: spec.sinks,
  };
  const latent = graph.rows('latent rows', latentLength);
  const expanded = graph.rows('latent expanded', expansion.rows);
  const keys = graph.rows('latent head keys', heads * keyLength);
  const values = graph.rows('latent head values', heads * valueLength);
  graph.perRow(
    'tokens',
    copyHeads(columnsOf(reduced, 0, latentLength), 0, latent, 0, 1, latentLength),
    ...convertFor(graph, latent, [matrixOf(graph, expansion)]),
  );
  multiply(graph, [expansion, latent, expanded]);
  graph.perRow('tokens', ...biasCalls(graph, expansion, expanded));
  const shape = shapeOf(graph, score);
  const pages = graph.pages(kvPageBytes(shape.kv));
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: headChunk,
    calls: [
      ...(plainLength > 0 ? [copyHeads(expanded, plainLength + valueLength, keys, keyLength, heads, plainLength)] : []),
      copyHeads(
        columnsOf(reduced, latentLength, rotatedLength),
        0,
        columnsOf(keys, plainLength, rotatedLength),
        keyLength,
        heads,
        rotatedLength,
      ),
      copyHeads(
        columnsOf(expanded, plainLength, valueLength),
        plainLength + valueLength,
        values,
        valueLength,
        heads,
        valueLength,
      ),
      ...temperatureCalls(graph, spec, queries, keyLength),
      writeCall(graph, shape, pages, keys, values),
    ],
  });
  const sums = graph.rows('attention', heads * valueLength);
  graph.parallel(attentionTask(graph, score, shape, pages, queries, sums));
  return sums;
}

/** Attention over latent rows, which are keys and values of all heads. */
function attendLatent(
  graph: Graph,
  spec: LatentAttentionSpec,
  { query, value }: Extract<LatentAttentionSpec['expansion'], { kind: 'perHead' }>,
  queries: Rows,
  reduced: Rows,
): Rows {
  const { heads, latentLength, plainLength, rotatedLength, valueLength } = spec;
  const keyLength = latentLength + rotatedLength;
  const score: ScoreSpec = {
    heads,
    kvHeads: 1,
    keyLength,
    valueLength: latentLength,
    scale: spec.scale,
    window: spec.window,
    sinks: spec.sinks,
  };
  const tables = headTables(graph, heads);
  const shape = shapeOf(graph, score);
  const pages = graph.pages(kvPageBytes(shape.kv));
  const byHead = pairRows(graph, 'latent queries by head', heads, plainLength);
  const latentQueries = pairRows(graph, 'latent wide queries', heads, keyLength);
  const perPair = (...calls: KernelCall[]): Task => ({ per: 'tokens', factor: heads, chunk: headChunk, calls });
  graph.parallel(
    perPair(
      gatherPairs(queries, plainLength + rotatedLength, tables.pairOfRow, byHead, plainLength, plainLength),
      ...convertFor(graph, asPairs(byHead, plainLength), [headMatrix(graph, query)], { multiple: heads }),
      copyHeads(
        columnsOf(queries, plainLength, rotatedLength),
        plainLength + rotatedLength,
        columnsOf(latentQueries, latentLength, rotatedLength),
        keyLength,
        heads,
        rotatedLength,
      ),
    ),
    {
      per: 'tokens',
      factor: 1,
      chunk: 1,
      calls: [writeCall(graph, shape, pages, reduced, columnsOf(reduced, 0, latentLength))],
    },
  );
  const wide = pairRows(graph, 'latent products', heads, latentLength);
  const product = (spec: ExpertsLinearSpec, from: Rows, to: Rows): void =>
    graph.parallel(
      perHeadTask(graph, spec, tables, heads, from, to),
      ...observe(graph, spec.weight, spec.columns, asPairs(from, spec.columns), { count: spec.count, ...tables }),
    );
  product(query, byHead, wide);
  graph.parallel(
    perPair(
      gatherPairs(wide, latentLength, tables.rowOfPair, latentQueries, keyLength, latentLength),
      ...temperatureCalls(graph, spec, latentQueries, keyLength),
    ),
  );

  const latentSums = pairRows(graph, 'latent sums', heads, latentLength);
  graph.parallel(attentionTask(graph, score, shape, pages, latentQueries, latentSums));
  graph.parallel(
    perPair(
      gatherPairs(latentSums, latentLength, tables.pairOfRow, wide, latentLength, latentLength),
      ...convertFor(graph, asPairs(wide, latentLength), [headMatrix(graph, value)], { multiple: heads }),
    ),
  );
  const values = pairRows(graph, 'latent values by head', heads, valueLength);
  product(value, wide, values);
  const sums = pairRows(graph, 'latent values', heads, valueLength);
  graph.parallel(perPair(gatherPairs(values, valueLength, tables.rowOfPair, sums, valueLength, valueLength)));
  return wholeRows(sums.buffer, heads * valueLength);
}

/** `length` floats of each head from one place to another; `fromLength` of 0 gives all heads the same. Unit = token * heads + head. */
function copyHeads(
  from: Rows,
  fromLength: number,
  to: Rows,
  toLength: number,
  heads: number,
  length: number,
): KernelCall {
  return copyGroups.call({
    source: from.at,
    sourceTokenStride: from.stride,
    sourceGroupStride: 4 * fromLength,
    target: to.at,
    targetTokenStride: to.stride,
    targetGroupStride: 4 * toLength,
    groups: heads,
    bytes: 4 * length,
  });
}

function temperatureCalls(
  graph: Graph,
  { temperature, heads }: LatentAttentionSpec,
  queries: Rows,
  keyLength: number,
): KernelCall[] {
  if (!temperature) return [];
  const bytes = 4 * keyLength;
  return [
    scaleByToken.call({
      target: queries.at,
      tokenStride: queries.stride,
      groupStride: bytes,
      groups: heads,
      factors: temperatureFactors(graph, temperature),
      bytes,
    }),
  ];
}
