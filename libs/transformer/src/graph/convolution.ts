import type { Placed, Task } from '@starling/kernels';
import { causalConv, causalConvSilu } from '@starling/kernels/internal';
import type { ConvolutionSpec } from '../architecture/mixer-spec.js';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/** Channels that one worker takes. */
const blockChannels = 256;

/** A convolution over the last tokens of each sequence, from `input` to `output`, which must be other rows; its state belongs to the layer. */
export function convolutionTask(
  graph: Graph,
  { weight, bias, taps, dilation = 1, channels }: ConvolutionSpec,
  input: Rows,
  output: Rows,
  activation?: 'silu',
): Task {
  const weights = graph.vector(
    weight.name,
    { tensor: weight, derive: (values) => transposed(values, taps) },
    4 * channels * taps,
  );
  return taskOf(
    graph,
    { weights, bias: bias ? graph.tensor(bias) : zeros(graph, channels), taps, dilation, channels },
    input,
    output,
    activation,
  );
}

/** The difference between the row of the token before (zero where a sequence begins) and a token's own, to other rows; its state belongs to the layer. */
export function differenceTask(graph: Graph, input: Rows, output: Rows): Task {
  const { columns: channels } = input;
  const weights = graph.vector(
    `${channels} differences`,
    Float32Array.from({ length: 2 * channels }, (_, i) => (i < channels ? 1 : -1)),
    8 * channels,
  );
  return taskOf(graph, { weights, bias: zeros(graph, channels), taps: 2, dilation: 1, channels }, input, output);
}

interface PlacedConvolution {
  /** (taps, channels) */
  readonly weights: Placed;
  readonly bias: Placed;
  readonly taps: number;
  readonly dilation: number;
  readonly channels: number;
}

function taskOf(
  graph: Graph,
  { weights, bias, taps, dilation, channels }: PlacedConvolution,
  input: Rows,
  output: Rows,
  activation?: 'silu',
): Task {
  const blocks = Math.ceil(channels / blockChannels);
  const slotStride = 4 * channels * (taps - 1) * dilation;
  const kernel = activation === 'silu' ? causalConvSilu : causalConv;
  const call = kernel.call({
    input: input.at,
    inputStride: input.stride,
    output: output.at,
    outputStride: output.stride,
    weights,
    bias,
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    taps,
    dilation,
    channelBytes: 4 * channels,
    blockBytes: 4 * blockChannels,
    blocks,
  });
  return { per: 'sequences', factor: blocks, chunk: 1, calls: [call] };
}

const zeros = (graph: Graph, length: number): Placed =>
  graph.vector(`${length} times 0`, new Float32Array(length), 4 * length);

/** (columns, rows) from (rows, columns). */
function transposed(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}
