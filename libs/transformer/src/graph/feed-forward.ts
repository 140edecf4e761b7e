import { gatedActivations, plainActivations, type KernelCall } from '@starling/kernels';
import type { DenseSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { countOf } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiplyTask } from './linear.js';
import { columnsOf, wholeRows, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** Columns of a row that one worker takes: long rows of few tokens are shared. A multiple of what is quantized together. */
const blockColumns = 1024;

/** Matrices that read the block's input. */
export function denseInputs(graph: Graph, { input }: DenseSpec): MatrixWeight[] {
  if (input.kind === 'fused') return [matrixOf(graph, input.gateUp)];
  return input.kind === 'gated' ? [matrixOf(graph, input.gate), matrixOf(graph, input.up)] : [matrixOf(graph, input.up)];
}

/** down(activation(gate x) * up x), into `output`. The input must have been converted for `denseInputs`. */
export function denseBlock(graph: Graph, spec: DenseSpec, x: Rows, output: Rows): void {
  const { kind } = x.buffer;
  const length = spec.down.columns;
  const { input } = spec;
  if (input.kind === 'plain') {
    const up = graph.rows('feed-forward up', length, kind);
    graph.parallel(multiplyTask(graph, matrixOf(graph, input.up), x, up));
    graph.perRow(kind, ...biasCalls(graph, input.up, up));
    activate(graph, spec, up, up, up);
    multiplyDown(graph, spec, up, output);
  } else {
    const both = graph.rows('feed-forward gate and up', 2 * length, kind);
    // The activated rows take the place of the gate's: a row of a prompt is long.
    const gate = wholeRows(both.buffer, length);
    const up = columnsOf(both, length, length);
    if (input.kind === 'fused') {
      graph.parallel(multiplyTask(graph, matrixOf(graph, input.gateUp), x, both));
      graph.perRow(kind, ...biasCalls(graph, input.gateUp, both));
    } else {
      graph.parallel(multiplyTask(graph, matrixOf(graph, input.gate), x, gate), multiplyTask(graph, matrixOf(graph, input.up), x, up));
      graph.perRow(kind, ...biasCalls(graph, input.gate, gate), ...biasCalls(graph, input.up, up));
    }
    activate(graph, spec, gate, up, gate);
    multiplyDown(graph, spec, gate, output);
  }
}

function multiplyDown(graph: Graph, spec: DenseSpec, inner: Rows, output: Rows): void {
  graph.parallel(multiplyTask(graph, matrixOf(graph, spec.down), inner, output));
  graph.perRow(inner.buffer.kind, ...biasCalls(graph, spec.down, output));
}

function activate(graph: Graph, spec: DenseSpec, gate: Rows, up: Rows, inner: Rows): void {
  const { kind } = inner.buffer;
  const blocks = Math.ceil(inner.columns / blockColumns);
  const kernels = spec.input.kind === 'plain' ? plainActivations : gatedActivations;
  const call: KernelCall = kernels[spec.activation].call({
    input: gate.at,
    inputStride: gate.stride,
    up: up.at,
    upStride: up.stride,
    output: inner.at,
    outputStride: inner.stride,
    rowBytes: 4 * inner.columns,
    blockBytes: 4 * blockColumns,
    blocks,
  });
  const conversions = convertFor(graph, inner, [matrixOf(graph, spec.down)], { blocks, blockColumns });
  graph.parallel({ per: countOf(kind), factor: blocks, chunk: 1, calls: [call, ...conversions] });
}
