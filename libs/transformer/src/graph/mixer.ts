import { addRows } from '@starling/kernels';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import { attentionBlock, attentionInputs } from './attention-block.js';
import { deltaNetBlock, deltaNetInputs } from './delta-net.js';
import type { Graph } from './graph.js';
import { latentAttentionBlock, latentAttentionInputs } from './latent-attention.js';
import { matrixOf } from './linear.js';
import type { Rows } from './rows.js';
import { shortConvBlock } from './short-conv.js';
import { stateSpaceBlock } from './state-space.js';
import type { MatrixWeight } from './weights.js';

/** Matrices that read the block's input. */
export function mixerInputs(graph: Graph, spec: MixerSpec): MatrixWeight[] {
  switch (spec.kind) {
    case 'attention':
      return attentionInputs(graph, spec);
    case 'latentAttention':
      return latentAttentionInputs(graph, spec);
    case 'deltaNet':
      return deltaNetInputs(graph, spec);
    case 'shortConv':
    case 'stateSpace':
      return [matrixOf(graph, spec.input)];
    case 'sum':
      return spec.mixers.flatMap((mixer) => mixerInputs(graph, mixer));
  }
}

/** A layer's first block, into `output`. The input must have been converted for `mixerInputs`. */
export function mixerBlock(graph: Graph, spec: MixerSpec, input: Rows, output: Rows): void {
  switch (spec.kind) {
    case 'attention':
      return attentionBlock(graph, spec, input, output);
    case 'latentAttention':
      return latentAttentionBlock(graph, spec, input, output);
    case 'deltaNet':
      return deltaNetBlock(graph, spec, input, output);
    case 'shortConv':
      return shortConvBlock(graph, spec, input, output);
    case 'stateSpace':
      return stateSpaceBlock(graph, spec, input, output);
    case 'sum':
      return sumBlock(graph, spec.mixers, input, output);
  }
}

function sumBlock(graph: Graph, [first, ...others]: readonly MixerSpec[], input: Rows, output: Rows): void {
  mixerBlock(graph, first, input, output);
  const other = graph.rows('other mixer', output.columns);
  for (const mixer of others) {
    mixerBlock(graph, mixer, input, other);
    graph.perRow('tokens', addRows.call({ target: output.at, targetStride: output.stride, source: other.at, sourceStride: other.stride, bytes: 4 * output.columns, scale: 1 }));
  }
}
