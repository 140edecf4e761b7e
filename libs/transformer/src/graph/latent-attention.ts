import { copyGroups, gatherRows, headRows, kvPageBytes, scaleByToken, type KernelCall, type Placed, type Task } from '@starling/kernels';
import type { ExpertsLinearSpec, LinearSpec } from '../architecture/block-spec.js';
import type { LatentAttentionSpec } from '../architecture/mixer-spec.js';
import type { Graph } from './graph.js';
import { biasCalls, convertedRows, convertFor, matrixOf, multiplyTask } from './linear.js';
import { normCall } from './norm.js';
import { rotation } from './rotation.js';
import { columnsOf, wholeRows, type Rows } from './rows.js';
import { attentionTask, shapeOf, writeCall, type ScoreSpec } from './scores.js';
import { temperatureFactors } from './temperature.js';
import type { MatrixWeight } from './weights.js';

/** Heads of tokens that a worker takes at a time for what is little work. */
const headChunk = 8;

/** Matrices that read the block's input. */
export function latentAttentionInputs(graph: Graph, { query, reduction }: LatentAttentionSpec): MatrixWeight[] {
  return [query.kind === 'direct' ? query.linear : query.first, reduction].map((linear) => matrixOf(graph, linear));
}

/**
 * Multi-head latent attention. Where each head's matrices are apart, queries are taken to the space of the latent rows and attention is
 * over those, which are key and value of all heads at once; else keys and values of all heads are made and kept.
 */
export function latentAttentionBlock(graph: Graph, spec: LatentAttentionSpec, input: Rows, output: Rows): void {
  const { heads, latentLength, plainLength, rotatedLength } = spec;
  const queries = pairRows(graph, 'latent queries', heads, plainLength + rotatedLength);
  const reduced = graph.rows('latent keys', latentLength + rotatedLength);
  projectInput(graph, spec, input, queries, reduced);
  const sums = spec.expansion.kind === 'joint' ? attendExpanded(graph, spec, spec.expansion.linear, queries, reduced) : attendLatent(graph, spec, spec.expansion, queries, reduced);
  const matrix = matrixOf(graph, spec.output);
  graph.perRow('tokens', ...convertFor(graph, sums, [matrix]));
  graph.parallel(multiplyTask(graph, matrix, sums, output));
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));
}

/** Queries of all heads, and latent rows beside the shared part of the keys: normalized and rotated. */
function projectInput(graph: Graph, spec: LatentAttentionSpec, input: Rows, queries: Rows, reduced: Rows): void {
  const { heads, latentLength, plainLength, rotatedLength, query, rope } = spec;
  const task = (linear: LinearSpec, from: Rows, to: Rows): Task => multiplyTask(graph, matrixOf(graph, linear), from, to);
  if (query.kind === 'direct') {
    graph.parallel(task(query.linear, input, queries), task(spec.reduction, input, reduced));
    graph.perRow('tokens', ...biasCalls(graph, query.linear, queries), ...biasCalls(graph, spec.reduction, reduced));
  } else {
    const short = graph.rows('latent query', query.first.rows);
    graph.parallel(task(query.first, input, short), task(spec.reduction, input, reduced));
    graph.perRow('tokens', ...biasCalls(graph, query.first, short), ...biasCalls(graph, spec.reduction, reduced), normCall(graph, query.norm, short, short), ...convertFor(graph, short, [matrixOf(graph, query.second)]));
    graph.parallel(task(query.second, short, queries));
    graph.perRow('tokens', ...biasCalls(graph, query.second, queries));
  }
  const latent = columnsOf(reduced, 0, latentLength);
  const shared = columnsOf(reduced, latentLength, rotatedLength);
  graph.parallel(
    { per: 'tokens', factor: heads, chunk: headChunk, calls: [rotation(graph, rope, columnsOf(queries, plainLength, rotatedLength), heads, plainLength + rotatedLength)] },
    { per: 'tokens', factor: 1, chunk: 1, calls: [normCall(graph, spec.latentNorm, latent, latent), rotation(graph, rope, shared, 1, rotatedLength)] },
  );
}

/** Attention over keys and values that are made for each head. */
function attendExpanded(graph: Graph, spec: LatentAttentionSpec, expansion: LinearSpec, queries: Rows, reduced: Rows): Rows {
  const { heads, latentLength, plainLength, rotatedLength, valueLength } = spec;
  const keyLength = plainLength + rotatedLength;
  const score: ScoreSpec = { heads, kvHeads: heads, keyLength, valueLength, scale: spec.scale };
  const latent = graph.rows('latent rows', latentLength);
  const expanded = graph.rows('latent expanded', expansion.rows);
  const keys = graph.rows('latent head keys', heads * keyLength);
  const values = graph.rows('latent head values', heads * valueLength);
  const matrix = matrixOf(graph, expansion);
  graph.perRow('tokens', copyHeads(columnsOf(reduced, 0, latentLength), 0, latent, 0, 1, latentLength), ...convertFor(graph, latent, [matrix]));
  graph.parallel(multiplyTask(graph, matrix, latent, expanded));
  graph.perRow('tokens', ...biasCalls(graph, expansion, expanded));
  const shape = shapeOf(graph, score);
  const pages = graph.pages(kvPageBytes(shape.kv));
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: headChunk,
    calls: [
      copyHeads(expanded, plainLength + valueLength, keys, keyLength, heads, plainLength),
      copyHeads(columnsOf(reduced, latentLength, rotatedLength), 0, columnsOf(keys, plainLength, rotatedLength), keyLength, heads, rotatedLength),
      copyHeads(columnsOf(expanded, plainLength, valueLength), plainLength + valueLength, values, valueLength, heads, valueLength),
      ...temperatureCalls(graph, spec, queries, keyLength),
      writeCall(graph, shape, pages, keys, values),
    ],
  });
  const sums = graph.rows('attention', heads * valueLength);
  graph.parallel(attentionTask(graph, score, shape, pages, queries, sums));
  return sums;
}

/** Attention over latent rows, which are keys and values of all heads. */
function attendLatent(graph: Graph, spec: LatentAttentionSpec, { query, value }: Extract<LatentAttentionSpec['expansion'], { kind: 'perHead' }>, queries: Rows, reduced: Rows): Rows {
  const { heads, latentLength, plainLength, rotatedLength, valueLength } = spec;
  const keyLength = latentLength + rotatedLength;
  const score: ScoreSpec = { heads, kvHeads: 1, keyLength, valueLength: latentLength, scale: spec.scale };
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
      copyHeads(columnsOf(queries, plainLength, rotatedLength), plainLength + rotatedLength, columnsOf(latentQueries, latentLength, rotatedLength), keyLength, heads, rotatedLength),
    ),
    { per: 'tokens', factor: 1, chunk: 1, calls: [writeCall(graph, shape, pages, reduced, columnsOf(reduced, 0, latentLength))] },
  );
  const wide = pairRows(graph, 'latent products', heads, latentLength);
  graph.parallel(perHeadTask(graph, query, tables, heads, byHead, wide));
  graph.parallel(perPair(gatherPairs(wide, latentLength, tables.rowOfPair, latentQueries, keyLength, latentLength), ...temperatureCalls(graph, spec, latentQueries, keyLength)));

  const latentSums = pairRows(graph, 'latent sums', heads, latentLength);
  graph.parallel(attentionTask(graph, score, shape, pages, latentQueries, latentSums));
  graph.parallel(perPair(gatherPairs(latentSums, latentLength, tables.pairOfRow, wide, latentLength, latentLength), ...convertFor(graph, asPairs(wide, latentLength), [headMatrix(graph, value)], { multiple: heads })));
  const values = pairRows(graph, 'latent values by head', heads, valueLength);
  graph.parallel(perHeadTask(graph, value, tables, heads, wide, values));
  const sums = pairRows(graph, 'latent values', heads, valueLength);
  graph.parallel(perPair(gatherPairs(values, valueLength, tables.rowOfPair, sums, valueLength, valueLength)));
  return wholeRows(sums.buffer, heads * valueLength);
}

/** Rows of all heads of a token, one after another without a gap, so that pairs of token and head can be numbered. */
function pairRows(graph: Graph, name: string, heads: number, length: number): Rows {
  return wholeRows(graph.buffer(name, 'tokens', 4 * heads * length), heads * length);
}

/** One row for each pair of such a buffer. */
const asPairs = (rows: Rows, length: number): Rows => ({ ...rows, stride: 4 * length, columns: length });

interface HeadTables {
  readonly firstRows: Placed;
  readonly inUse: Placed;
  readonly rowOfPair: Placed;
  readonly pairOfRow: Placed;
}

function headTables(graph: Graph, heads: number): HeadTables {
  const tables = {
    firstRows: graph.table('first rows of heads', 4 * (heads + 1)),
    inUse: graph.table('all heads', 4 * heads),
    rowOfPair: graph.buffer('row of token and head', 'tokens', 4 * heads).place,
    pairOfRow: graph.buffer('token and head of row', 'tokens', 4 * heads).place,
  };
  graph.prologue(`head rows ${heads}`, () => ({ per: 'one', factor: 1, chunk: 1, calls: [headRows({ tokens: graph.step.part('tokens'), heads, ...tables })] }));
  return tables;
}

const headMatrix = (graph: Graph, { weight, rows, columns, count }: ExpertsLinearSpec): MatrixWeight => graph.matrix(weight, rows, columns, { count });

/** Each head's rows times its own matrix. Both are sorted by head. */
function perHeadTask(graph: Graph, spec: ExpertsLinearSpec, { firstRows, inUse }: HeadTables, heads: number, input: Rows, output: Rows): Task {
  const { format, place, rows, columns } = headMatrix(graph, spec);
  const from = asPairs(input, columns);
  const source = format.activation ? convertedRows(graph, from, format.activation, heads) : from;
  const chunkRows = format.rowChunk(rows, columns, graph.options.threads);
  graph.needScratch(format.scratchBytes(columns));
  const call = format.multiplyExperts({ weights: place, input: source.at, inputStride: source.stride, output: output.at, outputStride: 4 * rows, columns, inUse, firstRows, rows, chunkRows });
  return { per: 'one', factor: heads * Math.ceil(rows / chunkRows), chunk: 1, calls: [call] };
}

/** The first `length` floats of the pair that `order` names, for each pair. */
function gatherPairs(from: Rows, fromLength: number, order: Placed, to: Rows, toLength: number, length: number): KernelCall {
  return gatherRows.call({ table: from.at, tableStride: 4 * fromLength, indexes: order, output: to.at, outputStride: 4 * toLength, bytes: 4 * length });
}

/** `length` floats of each head from one place to another; `fromLength` of 0 gives all heads the same. Unit = token * heads + head. */
function copyHeads(from: Rows, fromLength: number, to: Rows, toLength: number, heads: number, length: number): KernelCall {
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

function temperatureCalls(graph: Graph, { temperature, heads }: LatentAttentionSpec, queries: Rows, keyLength: number): KernelCall[] {
  if (!temperature) return [];
  const bytes = 4 * keyLength;
  return [scaleByToken.call({ target: queries.at, tokenStride: queries.stride, groupStride: bytes, groups: heads, factors: temperatureFactors(graph, temperature), bytes })];
}
