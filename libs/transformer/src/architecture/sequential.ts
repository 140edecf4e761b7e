import type { BlockNorms, FeedForwardSpec, NormSpec, RopeSpec } from './block-spec.js';
import { feedForwardOf } from './feed-forward.js';
import type { ModelReader } from './model-reader.js';
import type { LayerSpec, ModelSpec } from './model-spec.js';
import {
  attentionOf,
  decoderOf,
  headShapeOf,
  normOf,
  weightlessNorm,
  type AttentionOptions,
  type DecoderOptions,
  type HeadShape,
} from './parts.js';
import { ropeOf, type RopeFactors } from './rope.js';

/** What differs between decoders of attention and a feed-forward block in each layer, one after the other. */
export interface SequentialOptions extends Omit<DecoderOptions, 'layer'> {
  /** How heads are rotated. Undefined: as `attention` says, or not at all. */
  readonly rope?: RopeSpec['style'];
  /** Divisors of the angles of `rope` that files may have. Default: none. */
  readonly factors?: RopeFactors;
  /** Names of the norms on outputs of blocks, if there are any, and their epsilon if it is not that of the others. */
  readonly outputNorms?: { readonly attention: string; readonly feedForward: string; readonly epsilon?: number };
  /** The name of the norm on the feed-forward block's input. Default `ffn_norm`. */
  readonly feedForwardNorm?: string;
  /** Norms of blocks have no weights. */
  readonly weightless?: boolean;
  readonly parallel?: boolean;
  readonly residualScale?: number;
  /** What a layer's attention has beyond that of Llama. */
  attention?(layer: number, shape: HeadShape): Partial<AttentionOptions>;
  /** A feed-forward block beside the others, see LayerSpec. */
  beside?(layer: number): FeedForwardSpec;
  /** Default: a gate with silu, or experts. */
  feedForward?(layer: number, norms: BlockNorms): FeedForwardSpec;
}

/** A decoder of layers with a norm on the input of each block. */
export function sequentialOf(reader: ModelReader, options: SequentialOptions): ModelSpec {
  return decoderOf(reader, { ...options, layer: (index) => sequentialLayerOf(reader, options, index) });
}

/** One layer of such a decoder, of a block of the file. */
export function sequentialLayerOf(reader: ModelReader, options: SequentialOptions, block: number): LayerSpec {
  const {
    norm,
    rope,
    factors,
    outputNorms,
    feedForwardNorm = 'ffn_norm',
    weightless = false,
    parallel = false,
    residualScale = 1,
    attention,
    beside,
    feedForward,
  } = options;
  const width = reader.count('embedding_length');
  const named = (name: string | undefined): NormSpec | undefined => {
    if (name === undefined) return undefined;
    return weightless ? weightlessNorm(reader, norm) : normOf(reader, norm, `blk.${block}.${name}`, width);
  };
  const onOutput = (name: string | undefined): NormSpec | undefined => {
    const found = named(name);
    return found && { ...found, epsilon: outputNorms?.epsilon ?? found.epsilon };
  };
  const shape = headShapeOf(reader, block);
  const feedForwardNorms = { input: named(feedForwardNorm), output: onOutput(outputNorms?.feedForward) };
  return {
    parallel,
    residualScale,
    mixer: attentionOf(reader, block, {
      norms: { input: named('attn_norm'), output: onOutput(outputNorms?.attention) },
      rope: rope && ropeOf(reader, shape.keyLength, { style: rope, factors }),
      ...attention?.(block, shape),
    }),
    beside: beside?.(block),
    feedForward: feedForward ? feedForward(block, feedForwardNorms) : feedForwardOf(reader, block, feedForwardNorms),
  };
}
