import type { KernelCall, Placed, Task } from '@starling/kernels';
import { gatherRows, headRows } from '@starling/kernels/internal';
import type { ExpertsLinearSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { convertedRows } from './linear.js';
import { wholeRows, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/*
 * Products of each head of a token with a matrix of its own.
 */

/** Rows of all heads of a token, one after another without a gap, so that pairs of token and head can be numbered. */
export function pairRows(graph: Graph, name: string, heads: number, length: number): Rows {
  return wholeRows(graph.buffer(name, 'tokens', 4 * heads * length), heads * length);
}

/** One row for each pair of such a buffer. */
export const asPairs = (rows: Rows, length: number): Rows => ({ ...rows, stride: 4 * length, columns: length });

/** How rows sorted by head and pairs of token and head belong together. */
export interface HeadTables {
  readonly firstRows: Placed;
  readonly inUse: Placed;
  readonly rowOfPair: Placed;
  readonly pairOfRow: Placed;
}

/** The tables of so many heads, made once for each memory. */
export function headTables(graph: Graph, heads: number): HeadTables {
  const tables = {
    firstRows: graph.table('first rows of heads', 4 * (heads + 1)),
    inUse: graph.table('all heads', 4 * heads),
    rowOfPair: graph.buffer('row of token and head', 'tokens', 4 * heads).place,
    pairOfRow: graph.buffer('token and head of row', 'tokens', 4 * heads).place,
  };
  graph.prologue(`head rows ${heads}`, () => ({
    per: 'one',
    factor: 1,
    chunk: 1,
    calls: [headRows({ tokens: graph.step.part('tokens'), heads, ...tables })],
  }));
  return tables;
}

/** The matrices of all heads. */
export const headMatrix = (graph: Graph, { weight, rows, columns, count }: ExpertsLinearSpec): MatrixWeight =>
  graph.matrix(weight, rows, columns, { count });

/** Each head's rows times its own matrix. Both are sorted by head. */
export function perHeadTask(
  graph: Graph,
  spec: ExpertsLinearSpec,
  { firstRows, inUse }: HeadTables,
  heads: number,
  input: Rows,
  output: Rows,
): Task {
  const { format, place, rows, columns } = headMatrix(graph, spec);
  const from = asPairs(input, columns);
  const source = format.activation ? convertedRows(graph, from, format.activation, heads) : from;
  const chunkRows = format.rowChunk(rows, columns, graph.options.threads);
  graph.needScratch(format.scratchBytes(columns));
  const call = format.multiplyExperts({
    weights: place,
    input: source.at,
    inputStride: source.stride,
    output: output.at,
    outputStride: 4 * rows,
    columns,
    inUse,
    firstRows,
    rows,
    chunkRows,
  });
  return { per: 'one', factor: heads * Math.ceil(rows / chunkRows), chunk: 1, calls: [call] };
}

/** The first `length` floats of the pair that `order` names, for each pair. */
export function gatherPairs(
  from: Rows,
  fromLength: number,
  order: Placed,
  to: Rows,
  toLength: number,
  length: number,
): KernelCall {
  return gatherRows.call({
    table: from.at,
    tableStride: 4 * fromLength,
    indexes: order,
    output: to.at,
    outputStride: 4 * toLength,
    bytes: 4 * length,
  });
}
