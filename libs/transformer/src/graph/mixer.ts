import { addRows } from '@starling/kernels/internal';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import { attentionBlock, attentionInputs } from './attention-block.js';
import { deltaNetBlock, deltaNetInputs } from './delta-net.js';
import type { Graph } from './graph.js';
import { latentAttentionBlock, latentAttentionInputs } from './latent-attention.js';
import { lightningBlock, lightningInputs } from './lightning.js';
import { linearMaps, matrixOf } from './linear.js';
import type { Rows } from './rows.js';
import { selectiveSpaceBlock } from './selective-space.js';
import { shortConvBlock } from './short-conv.js';
import { stateSpaceBlock } from './state-space.js';
import { timeMix6Block } from './time-mix-6.js';
import { timeMix7Block } from './time-mix-7.js';
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
    case 'selectiveSpace':
    case 'shortConv':
    case 'stateSpace':
      return [matrixOf(graph, spec.input)];
    case 'lightning':
      return lightningInputs(graph, spec);
    case 'timeMix6':
    case 'timeMix7':
      return [];
    case 'linear':
      return [matrixOf(graph, spec.linear)];
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
    case 'selectiveSpace':
      return selectiveSpaceBlock(graph, spec, input, output);
    case 'shortConv':
      return shortConvBlock(graph, spec, input, output);
    case 'stateSpace':
      return stateSpaceBlock(graph, spec, input, output);
    case 'lightning':
      return lightningBlock(graph, spec, input, output);
    case 'timeMix6':
      return timeMix6Block(graph, spec, input, output);
    case 'timeMix7':
      return timeMix7Block(graph, spec, input, output);
    case 'linear':
      return linearMaps(graph, input, [spec.linear, output]);
    case 'sum':
      return sumBlock(graph, spec.mixers, input, output);
  }
}

function sumBlock(graph: Graph, [first, ...others]: readonly MixerSpec[], input: Rows, output: Rows): void {
  mixerBlock(graph, first, input, output);
  const other = graph.rows('other mixer', output.columns);
  for (const mixer of others) {
    mixerBlock(graph, mixer, input, other);
    graph.perRow(
      'tokens',
      addRows.call({
        target: output.at,
        targetStride: output.stride,
        source: other.at,
        sourceStride: other.stride,
        bytes: 4 * output.columns,
        scale: 1,
      }),
    );
  }
}
