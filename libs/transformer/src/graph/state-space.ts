import type { KernelCall } from '@starling/kernels';
import { gatedActivations, recurrenceGates, stateSpaceScan } from '@starling/kernels/internal';
import type { StateSpaceSpec } from '../architecture/mixer-spec.js';
import { convolutionTask } from './convolution.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiply } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';

/** Tokens whose gates a worker makes at a time. */
const tokenChunk = 8;

/** Mamba-2: projection, convolution, recurrence over a state for each head, gate, norm of groups, output projection. */
export function stateSpaceBlock(graph: Graph, spec: StateSpaceSpec, input: Rows, output: Rows): void {
  const { heads, headLength, groups, stateLength, convolution } = spec;
  const inner = heads * headLength;
  const projected = graph.rows('state space input', spec.input.rows);
  const gate = columnsOf(projected, 0, inner);
  const steps = columnsOf(projected, inner + convolution.channels, heads);
  const gates = graph.rows('recurrence gates', 2 * heads);
  const mixed = graph.rows('recurrence input', convolution.channels);
  multiply(graph, [spec.input, input, projected]);
  graph.perRow('tokens', ...biasCalls(graph, spec.input, projected));
  const gatesCall = recurrenceGates({
    kind: 'stateSpace',
    input: steps.at,
    inputStride: steps.stride,
    rawColumn: 0,
    heads,
    group: heads,
    bias: graph.tensor(spec.stepBias),
    rate: graph.tensor(spec.rate),
    gates: gates.at,
    gatesStride: gates.stride,
  });
  graph.parallel(
    convolutionTask(graph, convolution, columnsOf(projected, inner, convolution.channels), mixed, 'silu'),
    { per: 'tokens', factor: 1, chunk: tokenChunk, calls: [gatesCall] },
  );

  const result = graph.rows('recurrence output', inner);
  graph.parallel({
    per: 'sequences',
    factor: heads,
    chunk: 1,
    calls: [scanCall(graph, spec, { mixed, gates, result })],
  });
  const gated = {
    input: gate.at,
    inputStride: gate.stride,
    up: result.at,
    upStride: result.stride,
    output: result.at,
    outputStride: result.stride,
    rowBytes: 4 * inner,
    blockBytes: 4 * inner,
    blocks: 1,
  };
  graph.perRow('tokens', gatedActivations.silu.call(gated));
  if (spec.innerNorm)
    graph.parallel({
      per: 'tokens',
      factor: groups,
      chunk: 1,
      calls: [normCall(graph, spec.innerNorm, result, result, { groups, columns: inner / groups })],
    });
  graph.perRow('tokens', ...convertFor(graph, result, [matrixOf(graph, spec.output)]));
  multiply(graph, [spec.output, result, output]);
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));

  function scanCall(
    into: Graph,
    { skip }: StateSpaceSpec,
    rows: { readonly mixed: Rows; readonly gates: Rows; readonly result: Rows },
  ): KernelCall {
    const slotStride = 4 * inner * stateLength;
    return stateSpaceScan.call({
      x: rows.mixed.at,
      b: columnsOf(rows.mixed, inner, groups * stateLength).at,
      c: columnsOf(rows.mixed, inner + groups * stateLength, groups * stateLength).at,
      inputStride: rows.mixed.stride,
      parameterStride: rows.mixed.stride,
      gates: rows.gates.at,
      gatesStride: rows.gates.stride,
      skip: into.tensor(skip),
      output: rows.result.at,
      outputStride: rows.result.stride,
      state: into.state(slotStride),
      slotStride,
      sequences: into.step.part('sequences'),
      heads,
      headsPerGroup: heads / groups,
      headLength,
      stateLength,
    });
  }
}
