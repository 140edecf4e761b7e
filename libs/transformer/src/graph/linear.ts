import { assert } from '@starling/core';
import type { ActivationFormat, KernelCall, Task } from '@starling/kernels';
import { addBias, scaleByValue } from '@starling/kernels/internal';
import type { LinearSpec } from '../architecture/block-spec.js';
import { adapterMatrices, deltaCall, downTasks, ownersOf, recordUpProducts } from './adapters.js';
import type { Graph } from './graph.js';
import { observe } from './observe.js';
import { wholeRows, type Rows } from './rows.js';
import type { AdapterMatrices, MatrixWeight } from './weights.js';

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
export function convertFor(
  graph: Graph,
  input: Rows,
  weights: readonly MatrixWeight[],
  { multiple, ...cut }: Partial<RowBlocks> = {},
): KernelCall[] {
  const calls = new Map<string, KernelCall>();
  for (const {
    format: { activation },
  } of weights) {
    if (!activation || calls.has(activation.name)) continue;
    const converted = convertedRows(graph, input, activation, multiple);
    calls.set(
      activation.name,
      activation.convert({
        input: input.at,
        inputStride: input.stride,
        output: converted.at,
        outputStride: converted.stride,
        columns: input.columns,
        ...cut,
      }),
    );
  }
  return [...calls.values()];
}

/** A product of all rows of the input, which must have been converted for the matrix. */
function multiplyTask(graph: Graph, weight: MatrixWeight, input: Rows, output: Rows): Task {
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
  return {
    per: 'one',
    factor: rows,
    chunk: format.rowChunk(rows, columns, threads),
    batchChunk: format.batchRowChunk(rows, threads),
    calls: [call],
  };
}

/** What adapters have beside a linear map. */
const besideOf = (graph: Graph, { weight, rows, columns }: LinearSpec): AdapterMatrices | undefined =>
  adapterMatrices(graph, weight, { rows, columns, count: 1 });

/** A linear map of rows, which must have been converted for its matrix. */
export type Product = readonly [linear: LinearSpec, input: Rows, output: Rows];

/** Products that do not depend on each other. What adapters make of the same rows is kept beside the output, for `biasCalls` or `scaleCalls` to add. */
export function multiply(graph: Graph, ...products: readonly Product[]): void {
  const adapted = products.flatMap(([linear, input, output]) => {
    const beside = besideOf(graph, linear);
    return beside ? [{ beside, input, output }] : [];
  });
  graph.parallel(
    ...products.map(([linear, input, output]) => multiplyTask(graph, matrixOf(graph, linear), input, output)),
    ...products.flatMap(([{ weight, columns }, input]) => observe(graph, weight, columns, input)),
    ...downTasks(graph, adapted),
  );
  recordUpProducts(graph, adapted);
}

/** The scale of a linear map, what adapters add to it, and its bias, on its output row by row. */
export function biasCalls(graph: Graph, linear: LinearSpec, output: Rows): KernelCall[] {
  const { bias, rows, scalesBias } = linear;
  const sum = bias
    ? [
        addBias.call({
          target: output.at,
          tokenStride: output.stride,
          groups: 1,
          bias: graph.tensor(bias),
          bytes: 4 * rows,
        }),
      ]
    : [];
  return scalesBias
    ? [...deltaCalls(graph, linear, output), ...sum, ...valueCalls(graph, linear, output)]
    : [...scaleCalls(graph, linear, output), ...sum];
}

/** All of it but the bias. */
export function scaleCalls(graph: Graph, linear: LinearSpec, output: Rows): KernelCall[] {
  return [...valueCalls(graph, linear, output), ...deltaCalls(graph, linear, output)];
}

const valueCalls = (graph: Graph, { scale, rows }: LinearSpec, output: Rows): KernelCall[] =>
  scale
    ? [
        scaleByValue.call({
          target: output.at,
          targetStride: output.stride,
          factor: graph.tensor(scale),
          bytes: 4 * rows,
        }),
      ]
    : [];

const deltaCalls = (graph: Graph, linear: LinearSpec, output: Rows): KernelCall[] =>
  besideOf(graph, linear) ? [deltaCall(graph, output, ownersOf(graph, output.buffer.kind))] : [];

/** Where rows are in a form that they were converted to. @param multiple rows for each row of the buffer's kind */
export function convertedRows(graph: Graph, input: Rows, activation: ActivationFormat, multiple = 1): Rows {
  const { buffer, columns } = input;
  assert(input.at === buffer.place, 'whole rows are converted');
  const rowBytes = activation.rowBytes(columns);
  return {
    ...wholeRows(graph.buffer(`${buffer.name}:${activation.name}`, buffer.kind, multiple * rowBytes), columns),
    stride: rowBytes,
  };
}

/** Linear maps of the same input, which must have been converted for their matrices: products, scales and biases. */
export function linearMaps(graph: Graph, input: Rows, ...maps: readonly (readonly [LinearSpec, Rows])[]): void {
  multiply(graph, ...maps.map(([linear, to]): Product => [linear, input, to]));
  graph.perRow(input.buffer.kind, ...maps.flatMap(([linear, to]) => biasCalls(graph, linear, to)));
}
