import { keepUpperEnd, multiplyRows, plainActivations } from '@starling/kernels/internal';
import type { ActivationSpec, DenseSpec } from '../architecture/block-spec.js';
import { activateRows, blockColumns } from './activation.js';
import type { Graph } from './graph.js';
import { countOf } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, wholeRows, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** Matrices that read the block's input. */
export function denseInputs(graph: Graph, { input }: DenseSpec): MatrixWeight[] {
  if (input.kind === 'fused') return [matrixOf(graph, input.gateUp)];
  return input.kind === 'gated'
    ? [matrixOf(graph, input.gate), matrixOf(graph, input.up)]
    : [matrixOf(graph, input.up)];
}

/** down(activation(gate x) * up x), into `output`. The input must have been converted for `denseInputs`. */
export function denseBlock(graph: Graph, spec: DenseSpec, x: Rows, output: Rows): void {
  const { kind } = x.buffer;
  const length = spec.down.columns;
  const { input } = spec;
  if (input.kind === 'plain') {
    const up = graph.rows('feed-forward up', length, kind);
    linearMaps(graph, x, [input.up, up]);
    activate(graph, spec, up, up, up);
    linearMaps(graph, up, [spec.down, output]);
  } else {
    const both = graph.rows('feed-forward gate and up', 2 * length, kind);
    // The activated rows take the place of the gate's: a row of a prompt is long.
    const gate = wholeRows(both.buffer, length);
    const up = columnsOf(both, length, length);
    if (input.kind === 'fused') linearMaps(graph, x, [input.gateUp, both]);
    else linearMaps(graph, x, [input.gate, gate], [input.up, up]);
    if (spec.gateDeviations !== undefined)
      graph.perRow(
        kind,
        keepUpperEnd.call({
          target: gate.at,
          targetStride: gate.stride,
          columns: length,
          deviations: spec.gateDeviations,
        }),
      );
    activate(graph, spec, gate, up, gate);
    linearMaps(graph, gate, [spec.down, output]);
  }
}

/** activation(x), element by element. */
export function activationBlock(graph: Graph, { activation }: ActivationSpec, x: Rows, output: Rows): void {
  const bytes = 4 * x.columns;
  const operands = {
    input: x.at,
    inputStride: x.stride,
    up: x.at,
    upStride: x.stride,
    output: output.at,
    outputStride: output.stride,
  };
  graph.perRow(
    x.buffer.kind,
    plainActivations[activation].call({ ...operands, rowBytes: bytes, blockBytes: bytes, blocks: 1 }),
  );
}

function activate(graph: Graph, spec: DenseSpec, gate: Rows, up: Rows, inner: Rows): void {
  const { kind } = inner.buffer;
  const { call, blocks } = activateRows(spec.activation, spec.input.kind === 'plain', { gate, up }, inner);
  const down = [matrixOf(graph, spec.down)];
  const { innerDivisors, innerNorm } = spec;
  const conversions = innerDivisors || innerNorm ? [] : convertFor(graph, inner, down, { blocks, blockColumns });
  graph.parallel({ per: countOf(kind), factor: blocks, chunk: 1, calls: [call, ...conversions] });
  if (innerNorm)
    graph.perRow(
      kind,
      normCall(graph, innerNorm, inner, inner),
      ...(innerDivisors ? [] : convertFor(graph, inner, down)),
    );
  if (!innerDivisors) return;
  const factors = graph.vector(
    `1 / ${innerDivisors.name}`,
    { tensor: innerDivisors, derive: (values) => values.map((value) => 1 / value) },
    4 * inner.columns,
  );
  graph.perRow(
    kind,
    multiplyRows.call({
      target: inner.at,
      targetStride: inner.stride,
      source: factors,
      sourceStride: 0,
      bytes: 4 * inner.columns,
    }),
    ...convertFor(graph, inner, down),
  );
}
