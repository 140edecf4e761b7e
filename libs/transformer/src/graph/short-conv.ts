import type { KernelCall } from '@starling/kernels';
import { multiplyRows } from '@starling/kernels/internal';
import type { ShortConvSpec } from '../architecture/mixer-spec.js';
import { convolutionTask } from './convolution.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiply } from './linear.js';
import { columnsOf, type Rows } from './rows.js';

/** output(c * convolution(b * x)) for the three parts b, c and x of the projected input. */
export function shortConvBlock(graph: Graph, spec: ShortConvSpec, input: Rows, output: Rows): void {
  const { channels } = spec.convolution;
  const parts = graph.rows('short convolution input', 3 * channels);
  const [b, c, x] = [0, 1, 2].map((part) => columnsOf(parts, part * channels, channels));
  multiply(graph, [spec.input, input, parts]);
  graph.perRow('tokens', ...biasCalls(graph, spec.input, parts), product(b, x));
  const mixed = graph.rows('short convolution', channels);
  graph.parallel(convolutionTask(graph, spec.convolution, b, mixed));
  graph.perRow('tokens', product(mixed, c), ...convertFor(graph, mixed, [matrixOf(graph, spec.output)]));
  multiply(graph, [spec.output, mixed, output]);
  graph.perRow('tokens', ...biasCalls(graph, spec.output, output));
}

/** target = target * source. */
const product = (target: Rows, source: Rows): KernelCall =>
  multiplyRows.call({
    target: target.at,
    targetStride: target.stride,
    source: source.at,
    sourceStride: source.stride,
    bytes: 4 * target.columns,
  });
