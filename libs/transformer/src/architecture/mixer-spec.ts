import type { TensorInfo } from '@starling/gguf';
import type { AttentionSpec, BlockNorms, ExpertsLinearSpec, LinearSpec, NormSpec, RopeSpec, TemperatureSpec } from './block-spec.js';

/*
 * The blocks of a layer that bring tokens together, besides attention over keys and values of each head.
 */

/** What a layer's first block can be. */
export type MixerSpec = AttentionSpec | LatentAttentionSpec | ShortConvSpec | StateSpaceSpec | DeltaNetSpec | SumSpec;

/** A convolution over the last tokens, each channel for itself. */
export interface ConvolutionSpec {
  /** (taps, channels) in the file: the taps of a channel lie together. */
  readonly weight: TensorInfo;
  readonly bias?: TensorInfo;
  readonly taps: number;
  readonly channels: number;
}

/** b, c, x = the three parts of `input` u; output(c * convolution(b * x)). */
export interface ShortConvSpec {
  readonly kind: 'shortConv';
  readonly norms: BlockNorms;
  readonly input: LinearSpec;
  readonly convolution: ConvolutionSpec;
  readonly output: LinearSpec;
}

/** Mamba-2 (Dao and Gu, 2024): the rows of `input` are a gate z, then x, B and C, which go through the convolution, then a step for each head. */
export interface StateSpaceSpec {
  readonly kind: 'stateSpace';
  readonly norms: BlockNorms;
  readonly heads: number;
  readonly headLength: number;
  /** Groups of heads that share B and C. */
  readonly groups: number;
  readonly stateLength: number;
  readonly input: LinearSpec;
  readonly convolution: ConvolutionSpec;
  /** One value for each head, as are `rate` (negative) and `skip`. */
  readonly stepBias: TensorInfo;
  readonly rate: TensorInfo;
  readonly skip: TensorInfo;
  /** Over each group of the gated result, with weights of its own. */
  readonly innerNorm?: NormSpec;
  readonly output: LinearSpec;
}

/** The gated delta rule (Yang, Kautz and Hatamizadeh, 2024), on normalized queries and keys. */
export interface DeltaNetSpec {
  readonly kind: 'deltaNet';
  readonly norms: BlockNorms;
  /** Heads of values. */
  readonly heads: number;
  readonly keyHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Heads that share a key head: neighbours, or those with the same remainder. */
  readonly sharing: 'neighbours' | 'remainder';
  /** `fused`: for each key head its query, its key, the values of its heads and their gates. */
  readonly projection: { readonly kind: 'separate'; readonly qkv: LinearSpec; readonly gate: LinearSpec } | { readonly kind: 'fused'; readonly qkvGate: LinearSpec };
  /** Strengths and steps of all heads. `fused`: for each key head the strengths of its heads, then their steps. */
  readonly gates: { readonly kind: 'separate'; readonly strength: LinearSpec; readonly step: LinearSpec } | { readonly kind: 'fused'; readonly both: LinearSpec };
  readonly convolution: ConvolutionSpec;
  readonly stepBias: TensorInfo;
  readonly rate: TensorInfo;
  readonly epsilon: number;
  /** Over each head's result. */
  readonly innerNorm: NormSpec;
  readonly output: LinearSpec;
}

/**
 * Multi-head latent attention (DeepSeek-AI, 2024): keys and values of all heads are made from one short row for each token. A key is the
 * part made from it, then a rotated part that all heads share.
 */
export interface LatentAttentionSpec {
  readonly kind: 'latentAttention';
  readonly norms: BlockNorms;
  readonly heads: number;
  readonly latentLength: number;
  readonly plainLength: number;
  readonly rotatedLength: number;
  readonly valueLength: number;
  /** `reduced`: by way of a shorter row. */
  readonly query: { readonly kind: 'direct'; readonly linear: LinearSpec } | { readonly kind: 'reduced'; readonly first: LinearSpec; readonly norm: NormSpec; readonly second: LinearSpec };
  /** Gives the latent row and the shared part of the keys. */
  readonly reduction: LinearSpec;
  readonly latentNorm: NormSpec;
  /**
   * How heads get their keys and values. `joint`: rows for each head's key, then its value; they are what is kept in pages.
   * `perHead`: queries are taken to the latent space, and sums of latent rows back to values; only latent rows are kept.
   */
  readonly expansion: { readonly kind: 'joint'; readonly linear: LinearSpec } | { readonly kind: 'perHead'; readonly query: ExpertsLinearSpec; readonly value: ExpertsLinearSpec };
  readonly rope: RopeSpec;
  readonly temperature?: TemperatureSpec;
  readonly scale: number;
  readonly output: LinearSpec;
}

/** Several mixers that read the same input; their outputs are added. */
export interface SumSpec {
  readonly kind: 'sum';
  readonly norms: BlockNorms;
  readonly mixers: readonly MixerSpec[];
}
