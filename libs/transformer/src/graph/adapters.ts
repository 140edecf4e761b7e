import type { KernelCall, Placed, StepCount, Task } from '@starling/kernels';
import { addDirections, addOwnedRows, weighSegments } from '@starling/kernels/internal';
import type { TensorInfo } from '@starling/gguf';
import { SEGMENT_COLUMNS, type AdapterParts, type MatrixShape } from '../adapters/adapter-set.js';
import { directionRows, joinedRows, stackedRows } from '../adapters/made-rows.js';
import type { Graph } from './graph.js';
import { floatRowBytes, wholeRows, type RowKind, type Rows } from './rows.js';
import type { StepPart } from './step-block.js';
import type { AdapterMatrices, MatrixWeight } from './weights.js';

/*
 * Adapters beside matrix products: y += up (s * down x). The thin matrices of all adapters lie side by side, so that one product each
 * serves every sequence; between them each row keeps what its own sequence has chosen. A step without adapters skips all of it.
 */

/** Of each kind of row: how many there are in a step with adapters, and which sequence they are of. */
const KINDS: Readonly<Record<RowKind, { readonly count: StepCount; readonly owners: StepPart }>> = {
  tokens: { count: 'adaptedTokens', owners: 'tokenOwners' },
  outputs: { count: 'adaptedOutputs', owners: 'outputOwners' },
  head: { count: 'adaptedHead', owners: 'headOwners' },
};

/** How many rows of a kind there are to adapt. */
export const adaptedCount = (kind: RowKind): StepCount => KINDS[kind].count;

/** The words that say which row of scales each row of a kind has. */
export const ownersOf = (graph: Graph, kind: RowKind): Placed => graph.step.part(KINDS[kind].owners);

/** What adapters have beside a matrix (or one for each expert). */
export function adapterMatrices(graph: Graph, tensor: TensorInfo, shape: MatrixShape): AdapterMatrices | undefined {
  return graph.besideOnce(tensor, () => {
    const parts = graph.options.adapters?.besideMatrix(tensor, shape);
    if (!parts) return undefined;
    const { rows, columns, count } = shape;
    return {
      down: graph.madeMatrix(`${tensor.name} down`, stackedRows(parts.parts, columns), parts.rank, columns, count),
      ...upAndSegments(graph, tensor, parts, rows, count),
    };
  });
}

function upAndSegments(
  graph: Graph,
  { name }: TensorInfo,
  { parts, rank }: AdapterParts,
  rows: number,
  count: number,
): Pick<AdapterMatrices, 'up' | 'segments' | 'rank'> {
  const up = graph.madeMatrix(`${name} up`, joinedRows(parts, 'up', rows, rank), rows, rank, count);
  const words = new Int32Array((2 * rank) / SEGMENT_COLUMNS);
  const values = new Float32Array(words.buffer);
  for (const { index, first, rank: own, factor } of parts) {
    for (let vector = first / SEGMENT_COLUMNS; SEGMENT_COLUMNS * vector < first + own; vector++) {
      words[2 * vector] = 4 * index;
      values[2 * vector + 1] = factor;
    }
  }
  return { up, segments: graph.vector(`${name} segments`, values, words.byteLength), rank };
}

/** A product of rows of floats in a step with adapters. */
function thinTask(graph: Graph, { format, rows, columns, place }: MatrixWeight, input: Rows, output: Rows): Task {
  const call = format.multiply({
    weights: place,
    input: input.at,
    inputStride: input.stride,
    output: output.at,
    outputStride: output.stride,
    columns,
    tokens: graph.step.part(input.buffer.kind),
  });
  graph.needScratch(format.scratchBytes(columns));
  const { threads } = graph.options;
  return {
    per: 'adapted',
    factor: rows,
    chunk: format.rowChunk(rows, columns, threads),
    batchChunk: format.batchRowChunk(rows, threads),
    calls: [call],
  };
}

/** A product that adapters may be beside. */
export interface AdaptedProduct {
  readonly beside: AdapterMatrices;
  readonly input: Rows;
  readonly output: Rows;
}

/** The rows between the two matrices of a product, told apart from those of others at the same time by their number. */
export const betweenRows = (graph: Graph, { rank }: AdapterMatrices, number: number, kind: RowKind): Rows =>
  graph.rows(`adapter rows ${number}`, rank, kind);

/** First products: they can run beside those of the model. */
export function downTasks(graph: Graph, products: readonly AdaptedProduct[]): Task[] {
  return products.map(({ beside, input }, i) =>
    thinTask(graph, beside.down, input, betweenRows(graph, beside, i, input.buffer.kind)),
  );
}

/** The rest, once these are done: what is to be added lies in `deltaRows` of each output. */
export function recordUpProducts(graph: Graph, products: readonly AdaptedProduct[]): void {
  if (products.length === 0) return;
  const { kind } = products[0].output.buffer;
  const between = products.map(({ beside }, i) => betweenRows(graph, beside, i, kind));
  graph.parallel({
    per: adaptedCount(kind),
    factor: 1,
    chunk: 1,
    calls: products.map(({ beside }, i) => weighCall(graph, beside, between[i], ownersOf(graph, kind))),
  });
  graph.parallel(
    ...products.map(({ beside, output }, i) => thinTask(graph, beside.up, between[i], deltaRows(graph, output))),
  );
}

/** Each row keeps what its owner has chosen. Unit = row. */
export function weighCall(
  graph: Graph,
  { segments, rank }: AdapterMatrices,
  between: Rows,
  owners: Placed,
): KernelCall {
  return weighSegments.call({
    target: between.at,
    targetStride: between.stride,
    owners,
    ...scalesOf(graph),
    segments,
    bytes: 4 * rank,
  });
}

const scalesOf = (graph: Graph): { readonly scales: Placed; readonly scalesStride: number } => ({
  scales: graph.step.part('adapterScales'),
  scalesStride: 4 * graph.step.adapterCount,
});

/** Where what is added to rows lies: in a buffer like theirs, at the same columns. */
export function deltaRows(graph: Graph, output: Rows): Rows {
  const { buffer, at } = output;
  const delta = graph.buffer(`${buffer.name} by adapters`, buffer.kind, buffer.rowBytes);
  const place: Placed = {
    get address() {
      return delta.place.address + at.address - buffer.place.address;
    },
  };
  return { ...output, buffer: delta, at: place };
}

/** Adds what adapters make of a product's input to its output. Unit = row. */
export function deltaCall(graph: Graph, output: Rows, owners: Placed): KernelCall {
  const delta = deltaRows(graph, output);
  return addOwnedRows.call({
    target: output.at,
    targetStride: output.stride,
    source: delta.at,
    sourceStride: delta.stride,
    owners,
    bytes: 4 * output.columns,
  });
}

/** What adapters add to the embeddings of tokens. */
export function adaptEmbeddings(graph: Graph, table: TensorInfo, vocabSize: number, x: Rows): void {
  const parts = graph.options.adapters?.besideTable(table, vocabSize, x.columns);
  if (!parts) return;
  const { rank } = parts;
  const down = graph.madeMatrix(
    `${table.name} down`,
    joinedRows(parts.parts, 'down', vocabSize, rank),
    vocabSize,
    rank,
    1,
  );
  const beside = { down, ...upAndSegments(graph, table, parts, x.columns, 1) };
  const between = wholeRows(graph.buffer('adapter rows 0', 'tokens', floatRowBytes(rank)), rank);
  const lookup = down.format.lookup({
    weights: down.place,
    columns: rank,
    indexes: graph.step.part('tokenIds'),
    output: between.at,
    outputStride: between.stride,
  });
  graph.parallel({ per: 'adaptedTokens', factor: 1, chunk: 1, calls: [lookup] });
  recordUpProducts(graph, [{ beside, input: between, output: x }]);
  graph.perRow('tokens', deltaCall(graph, x, ownersOf(graph, 'tokens')));
}

/** Adds the directions of control vectors to the stream after a layer. */
export function steer(graph: Graph, layer: number, stream: Rows): void {
  const directions = graph.options.adapters?.after(layer, stream.columns) ?? [];
  if (directions.length === 0) return;
  const bytes = 4 * stream.columns;
  const indexes = Int32Array.from(directions, ({ index }) => 4 * index);
  const adapters = graph.vector(
    `adapters of the directions after layer ${layer}`,
    new Float32Array(indexes.buffer),
    indexes.byteLength,
  );
  const table = graph.vector(
    `directions after layer ${layer}`,
    directionRows(directions, stream.columns),
    bytes * directions.length,
  );
  const owners = ownersOf(graph, stream.buffer.kind);
  graph.perRow(
    stream.buffer.kind,
    addDirections.call({
      target: stream.at,
      targetStride: stream.stride,
      owners,
      ...scalesOf(graph),
      adapters,
      directions: table,
      count: directions.length,
      bytes,
    }),
  );
}
