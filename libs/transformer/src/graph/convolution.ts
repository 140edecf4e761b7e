import { causalConv, causalConvSilu, type Placed, type Task } from '@starling/kernels';
import type { ConvolutionSpec } from '../architecture/mixer-spec.js';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/** Channels that one worker takes. */
const blockChannels = 256;

/** A convolution over the last tokens of each sequence, from `input` to `output`, which must be other rows; its state belongs to the layer. */
export function convolutionTask(graph: Graph, { weight, bias, taps, channels }: ConvolutionSpec, input: Rows, output: Rows, activation?: 'silu'): Task {
  const blocks = Math.ceil(channels / blockChannels);
  const slotStride = 4 * channels * (taps - 1);
  const kernel = activation === 'silu' ? causalConvSilu : causalConv;
  const call = kernel.call({
    input: input.at,
    inputStride: input.stride,
    output: output.at,
    outputStride: output.stride,
    weights: graph.vector(weight.name, { tensor: weight, derive: (values) => transposed(values, taps) }, 4 * channels * taps),
    bias: bias ? graph.tensor(bias) : zeros(graph, channels),
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    taps,
    channelBytes: 4 * channels,
    blockBytes: 4 * blockChannels,
    blocks,
  });
  return { per: 'sequences', factor: blocks, chunk: 1, calls: [call] };
}

const zeros = (graph: Graph, length: number): Placed => graph.vector(`${length} times 0`, new Float32Array(length), 4 * length);

/** (columns, rows) from (rows, columns). */
function transposed(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}
