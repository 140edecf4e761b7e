import { assert } from '@starling/core';
import { addBias, type ActivationFormat, type KernelCall, type Task } from '@starling/kernels';
import type { LinearSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { wholeRows, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** The matrix of a linear map. */
export function matrixOf(graph: Graph, { weight, rows, columns }: LinearSpec): MatrixWeight {
  return graph.matrix(weight, rows, columns);
}

/** How a row is cut, so that several workers can share it. */
export interface RowBlocks {
  readonly blocks: number;
  readonly blockColumns: number;
  /** Rows of `input` for each row of its buffer's kind. Default 1. */
  readonly multiple?: number;
}

/** Calls that bring rows into the forms that these matrices read, once for each form. Unit = row, or row * blocks + block. */
export function convertFor(graph: Graph, input: Rows, weights: readonly MatrixWeight[], { multiple, ...cut }: Partial<RowBlocks> = {}): KernelCall[] {
  const calls = new Map<string, KernelCall>();
  for (const { format: { activation } } of weights) {
    if (!activation || calls.has(activation.name)) continue;
    const converted = convertedRows(graph, input, activation, multiple);
    calls.set(activation.name, activation.convert({ input: input.at, inputStride: input.stride, output: converted.at, outputStride: converted.stride, columns: input.columns, ...cut }));
  }
  return [...calls.values()];
}

/** A product of all rows of the input, which must have been converted for the matrix. */
export function multiplyTask(graph: Graph, weight: MatrixWeight, input: Rows, output: Rows): Task {
  const { format, rows, columns, place } = weight;
  const source = format.activation ? convertedRows(graph, input, format.activation) : input;
  const call = format.multiply({
    weights: place,
    input: source.at,
    inputStride: source.stride,
    output: output.at,
    outputStride: output.stride,
    columns,
    tokens: graph.step.part(input.buffer.kind),
  });
  graph.needScratch(format.scratchBytes(columns));
  const { threads } = graph.options;
  return { per: 'one', factor: rows, chunk: format.rowChunk(rows, columns, threads), batchChunk: format.batchRowChunk(rows, threads), calls: [call] };
}

/** The bias of a linear map, added to its output row by row. */
export function biasCalls(graph: Graph, { bias, rows }: LinearSpec, output: Rows): KernelCall[] {
  return bias ? [addBias.call({ target: output.at, tokenStride: output.stride, groups: 1, bias: graph.tensor(bias), bytes: 4 * rows })] : [];
}

/** Where rows are in a form that they were converted to. @param multiple rows for each row of the buffer's kind */
export function convertedRows(graph: Graph, input: Rows, activation: ActivationFormat, multiple = 1): Rows {
  const { buffer, columns } = input;
  assert(input.at === buffer.place, 'whole rows are converted');
  const rowBytes = activation.rowBytes(columns);
  return { ...wholeRows(graph.buffer(`${buffer.name}:${activation.name}`, buffer.kind, multiple * rowBytes), columns), stride: rowBytes };
}
