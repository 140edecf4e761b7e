import { addRows, scaleRows } from '@starling/kernels/internal';
import type { BlockNorms, FeedForwardSpec, FeedForwardSumSpec, RouterInputSpec } from '../architecture/block-spec.js';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import { channelMixBlock } from './channel-mix.js';
import { expertsBlock, expertsInputs } from './experts.js';
import { activationBlock, denseBlock, denseInputs } from './feed-forward.js';
import type { Graph } from './graph.js';
import { convertFor, matrixOf } from './linear.js';
import { mixerBlock, mixerInputs } from './mixer.js';
import { normCall } from './norm.js';
import { routerLogits } from './routing.js';
import type { Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/*
 * The blocks of a layer with the norms around them; layers.ts and altup.ts say how their results come together.
 */

/** A layer's mixer, of all tokens: what it reads lies in `normal` if it has a norm. */
export function mix(graph: Graph, mixer: MixerSpec, x: Rows, normal: Rows): Rows {
  const mixed = graph.rows('mixed', x.columns);
  const own = graph.home;
  // A mixer that reads another's pages works where those are.
  const home =
    mixer.kind === 'attention' && mixer.projection.kind === 'queries'
      ? graph.pagesOf(mixer.projection.pagesOf).home
      : own;
  if (home !== own) graph.moveTo(home, x);
  mixerBlock(graph, mixer, inputOf(graph, mixer.norms, x, normal, mixerInputs(graph, mixer)), mixed);
  graph.perRow('tokens', ...outputNorm(graph, mixer.norms, mixed));
  if (home !== own) graph.moveTo(own, mixed);
  return mixed;
}

/** What a feed-forward block reads: the stream by way of its norm; without a norm, and beside a mixer, what the mixer has read. */
export function feedForwardInput(
  graph: Graph,
  spec: FeedForwardSpec,
  parallel: boolean,
  stream: Rows,
  inner: Rows,
): Rows {
  const matrices = feedForwardInputs(graph, spec);
  if (spec.norms.input || !parallel) return inputOf(graph, spec.norms, stream, inner, matrices);
  graph.perRow(inner.buffer.kind, ...convertFor(graph, inner, matrices));
  return inner;
}

/** What a block reads: the normalized stream, or the stream itself, converted for the block's first matrices. */
export function inputOf(
  graph: Graph,
  norms: BlockNorms,
  stream: Rows,
  normal: Rows,
  matrices: readonly MatrixWeight[],
): Rows {
  if (norms.input) graph.perRow(stream.buffer.kind, normCall(graph, norms.input, stream, normal));
  const input = norms.input ? normal : stream;
  graph.perRow(stream.buffer.kind, ...convertFor(graph, input, matrices));
  return input;
}

const outputNorm = (graph: Graph, norms: BlockNorms, rows: Rows) =>
  norms.output ? [normCall(graph, norms.output, rows, rows)] : [];

/** Matrices that read a feed-forward block's input. */
export function feedForwardInputs(graph: Graph, spec: FeedForwardSpec): MatrixWeight[] {
  if (spec.kind === 'activation' || spec.kind === 'channelMix' || spec.kind === 'sum') return [];
  return spec.kind === 'dense' ? denseInputs(graph, spec) : expertsInputs(graph, spec);
}

/** A feed-forward block and the norm on its output, into the buffer of this name. */
export function feed(graph: Graph, spec: FeedForwardSpec, name: string, input: Rows): Rows {
  const { kind } = input.buffer;
  const output = graph.rows(name, input.columns, kind);
  if (spec.kind === 'sum') feedSum(graph, spec, input, output);
  else if (spec.kind === 'channelMix') channelMixBlock(graph, spec, input, output);
  else if (spec.kind === 'activation') activationBlock(graph, spec, input, output);
  else if (spec.kind === 'dense') denseBlock(graph, spec, input, output);
  else expertsBlock(graph, spec, input, output);
  graph.perRow(kind, ...outputNorm(graph, spec.norms, output));
  return output;
}

/** The sum of blocks that read the stream, each by way of its own norm. */
function feedSum(graph: Graph, { blocks }: FeedForwardSumSpec, stream: Rows, output: Rows): void {
  const { kind } = stream.buffer;
  const bytes = 4 * stream.columns;
  blocks.forEach((block, index) => {
    routeBy(graph, block, 'block', stream);
    const fed = feed(
      graph,
      block,
      'fed part',
      inputOf(
        graph,
        block.norms,
        stream,
        graph.rows('normal part', stream.columns, kind),
        feedForwardInputs(graph, block),
      ),
    );
    const rows = {
      input: fed.at,
      inputStride: fed.stride,
      output: output.at,
      outputStride: output.stride,
      bytes,
      scale: 1,
    };
    graph.perRow(
      kind,
      index === 0
        ? scaleRows.call(rows)
        : addRows.call({
            target: output.at,
            targetStride: output.stride,
            source: fed.at,
            sourceStride: fed.stride,
            bytes,
            scale: 1,
          }),
    );
  });
}

/** Gives a router that reads the stream at this place its logits. */
export function routeBy(
  graph: Graph,
  spec: FeedForwardSpec | undefined,
  place: RouterInputSpec['stream'],
  stream: Rows,
): void {
  if (spec?.kind !== 'experts' || spec.routedBy?.stream !== place) return;
  const { norm, scale } = spec.routedBy;
  const { kind } = stream.buffer;
  const input = norm || scale !== undefined ? graph.rows('router input', stream.columns, kind) : stream;
  const operands = { output: input.at, outputStride: input.stride, bytes: 4 * stream.columns };
  if (norm) graph.perRow(kind, normCall(graph, norm, stream, input));
  if (scale !== undefined)
    graph.perRow(
      kind,
      scaleRows.call({
        input: (norm ? input : stream).at,
        inputStride: (norm ? input : stream).stride,
        ...operands,
        scale,
      }),
    );
  graph.perRow(kind, ...convertFor(graph, input, [matrixOf(graph, spec.router)]));
  routerLogits(graph, spec, input);
}
