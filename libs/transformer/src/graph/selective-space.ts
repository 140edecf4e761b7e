import type { KernelCall } from '@starling/kernels';
import {
  copyGroups,
  gatedActivations,
  recurrenceGates,
  scaleRows,
  selectiveScan,
  stateSpaceScan,
} from '@starling/kernels/internal';
import type { NormSpec } from '../architecture/block-spec.js';
import type { SelectiveSpaceSpec } from '../architecture/mixer-spec.js';
import { applyCall } from './activation.js';
import { convolutionTask } from './convolution.js';
import type { Graph } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';

/** Channels that one worker takes. */
const blockChannels = 64;
/** Tokens, or heads of tokens, that a worker takes at a time for what is little work. */
const smallChunk = 8;

/** Mamba: projection, convolution, parameters of the recurrence from its result, recurrence, gate, output projection. */
export function selectiveSpaceBlock(graph: Graph, spec: SelectiveSpaceSpec, input: Rows, output: Rows): void {
  const { channels } = spec.convolution;
  const { values, gate } = project(graph, spec, input);
  const mixed = graph.rows('selective values', channels);
  graph.parallel(convolutionTask(graph, spec.convolution, values, mixed, 'silu'));
  const result = graph.rows('selective result', channels);
  scan(graph, spec, parametersOf(graph, spec, mixed), mixed, result);
  const rowBytes = 4 * channels;
  const gated = gatedActivations.silu.call({
    input: gate.at,
    inputStride: gate.stride,
    up: result.at,
    upStride: result.stride,
    output: result.at,
    outputStride: result.stride,
    rowBytes,
    blockBytes: rowBytes,
    blocks: 1,
  });
  graph.perRow('tokens', gated, ...convertFor(graph, result, [matrixOf(graph, spec.output)]));
  linearMaps(graph, result, [spec.output, output]);
}

function project(
  graph: Graph,
  { input, inputOrder, heads, convolution: { channels } }: SelectiveSpaceSpec,
  from: Rows,
): { readonly values: Rows; readonly gate: Rows } {
  const both = graph.rows('selective input', 2 * channels);
  linearMaps(graph, from, [input, both]);
  if (inputOrder === 'valuesFirst')
    return { values: columnsOf(both, 0, channels), gate: columnsOf(both, channels, channels) };
  const [values, gate] = [graph.rows('selective head values', channels), graph.rows('selective head gates', channels)];
  const bytes = (4 * channels) / heads;
  const part = (first: number, to: Rows): KernelCall =>
    copyGroups.call({
      source: columnsOf(both, first, channels).at,
      sourceTokenStride: both.stride,
      sourceGroupStride: 2 * bytes,
      target: to.at,
      targetTokenStride: to.stride,
      targetGroupStride: bytes,
      groups: heads,
      bytes,
    });
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: smallChunk,
    calls: [part(0, gate), part(channels / heads, values)],
  });
  return { values, gate };
}

interface Parameters {
  /** The steps of all heads: of `head` rates before their bias and softplus. */
  readonly steps: Rows;
  readonly b: Rows;
  readonly c: Rows;
}

function parametersOf(graph: Graph, spec: SelectiveSpaceSpec, mixed: Rows): Parameters {
  const { stateLength, step, parameters, heads } = spec;
  const rank = step.columns;
  const made = graph.rows('selective parameters', parameters.rows);
  graph.perRow('tokens', ...convertFor(graph, mixed, [matrixOf(graph, parameters)]));
  linearMaps(graph, mixed, [parameters, made]);
  const first = spec.parameterOrder === 'stepFirst' ? rank : 0;
  const [b, c] = [columnsOf(made, first, stateLength), columnsOf(made, first + stateLength, stateLength)];
  const raw = columnsOf(made, spec.parameterOrder === 'stepFirst' ? 0 : 2 * stateLength, rank);
  const short = graph.rows('selective step input', rank);
  const normed = (norm: NormSpec | undefined, rows: Rows): KernelCall[] =>
    norm ? [normCall(graph, norm, rows, rows)] : [];
  const toShort = spec.stepNorm
    ? normCall(graph, spec.stepNorm, raw, short)
    : scaleRows.call({
        input: raw.at,
        inputStride: raw.stride,
        output: short.at,
        outputStride: short.stride,
        bytes: 4 * rank,
        scale: 1,
      });
  graph.perRow(
    'tokens',
    toShort,
    ...normed(spec.inNorm, b),
    ...normed(spec.outNorm, c),
    ...convertFor(graph, short, [matrixOf(graph, step)]),
  );
  const steps = graph.rows('selective steps', heads);
  linearMaps(graph, short, [spec.rateOf === 'head' ? { ...step, bias: undefined } : step, steps]);
  return { steps, b, c };
}

function scan(graph: Graph, spec: SelectiveSpaceSpec, { steps, b, c }: Parameters, x: Rows, result: Rows): void {
  const {
    heads,
    stateLength,
    convolution: { channels },
  } = spec;
  const slotStride = 4 * channels * stateLength;
  const common = {
    x: x.at,
    b: b.at,
    c: c.at,
    parameterStride: b.stride,
    skip: graph.tensor(spec.skip),
    output: result.at,
    outputStride: result.stride,
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    stateLength,
  };
  if (spec.rateOf === 'head') {
    const gates = graph.rows('recurrence gates', 2 * heads);
    const bias = spec.step.bias
      ? graph.tensor(spec.step.bias)
      : graph.vector('no step bias', new Float32Array(heads), 4 * heads);
    const made = {
      kind: 'stateSpace',
      input: steps.at,
      inputStride: steps.stride,
      rawColumn: 0,
      heads,
      group: heads,
      bias,
      rate: graph.tensor(spec.rate),
      gates: gates.at,
      gatesStride: gates.stride,
    } as const;
    graph.parallel({ per: 'tokens', factor: 1, chunk: smallChunk, calls: [recurrenceGates(made)] });
    const call = stateSpaceScan.call({
      ...common,
      inputStride: x.stride,
      gates: gates.at,
      gatesStride: gates.stride,
      heads,
      headsPerGroup: heads,
      headLength: channels / heads,
    });
    graph.parallel({ per: 'sequences', factor: heads, chunk: 1, calls: [call] });
    return;
  }
  graph.perRow('tokens', applyCall('softplus', steps));
  const blocks = Math.ceil(channels / blockChannels);
  const call = selectiveScan.call({
    ...common,
    xStride: x.stride,
    steps: steps.at,
    stepsStride: steps.stride,
    rate: graph.tensor(spec.rate),
    channels,
    blockChannels,
    blocks,
  });
  graph.parallel({ per: 'sequences', factor: blocks, chunk: 1, calls: [call] });
}
