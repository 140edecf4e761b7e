import { assert } from '@starling/core';
import { addBias, type KernelCall, type Task } from '@starling/kernels';
import type { LinearSpec } from '../architecture/model-spec.js';
import type { Graph } from './graph.js';
import { wholeRows, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** Chunks of a matrix's rows that each worker gets at least, so that all end at about the same time. */
const chunksPerThread = 4;

/** The matrix of a linear map. */
export function matrixOf(graph: Graph, { weight, rows, columns }: LinearSpec): MatrixWeight {
  return graph.matrix(weight, rows, columns);
}

/** Calls that bring rows into the forms that these matrices read, once for each form. */
export function convertFor(graph: Graph, input: Rows, weights: readonly MatrixWeight[]): KernelCall[] {
  const calls = new Map<string, KernelCall>();
  for (const { format } of weights) {
    if (!format.activation || calls.has(format.activation.name)) continue;
    const converted = convertedRows(graph, input, format.activation.name, format.activation.rowBytes(input.columns));
    calls.set(format.activation.name, format.activation.convert({ input: input.at, inputStride: input.stride, output: converted.at, outputStride: converted.stride, columns: input.columns }));
  }
  return [...calls.values()];
}

/** A product of all rows of the input, which must have been converted for the matrix. */
export function multiplyTask(graph: Graph, weight: MatrixWeight, input: Rows, output: Rows): Task {
  const { format, rows, columns, place } = weight;
  const source = format.activation ? convertedRows(graph, input, format.activation.name, format.activation.rowBytes(columns)) : input;
  const call = format.multiply({
    weights: place,
    input: source.at,
    inputStride: source.stride,
    output: output.at,
    outputStride: output.stride,
    columns,
    tokens: graph.step.part(input.buffer.kind),
  });
  return { per: 'one', factor: rows, chunk: rowChunk(rows, format.rowGranularity, graph.options.threads), calls: [call] };
}

/** Rows of a matrix that a worker takes at a time. */
export function rowChunk(rows: number, granularity: number, threads: number): number {
  return Math.max(granularity, Math.ceil(rows / (chunksPerThread * threads) / granularity) * granularity);
}

/** The bias of a linear map, added to its output row by row. */
export function biasCalls(graph: Graph, { bias, rows }: LinearSpec, output: Rows): KernelCall[] {
  return bias ? [addBias.call({ target: output.at, tokenStride: output.stride, groups: 1, bias: graph.tensor(bias), bytes: 4 * rows })] : [];
}

function convertedRows(graph: Graph, input: Rows, form: string, rowBytes: number): Rows {
  const { buffer } = input;
  assert(input.at === buffer.place, 'whole rows are converted');
  return wholeRows(graph.buffer(`${buffer.name}:${form}`, buffer.kind, rowBytes), input.columns);
}
