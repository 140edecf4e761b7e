import type { TensorInfo } from '@starling/gguf';
import type {
  AttentionSpec,
  BlockNorms,
  ExpertsLinearSpec,
  LinearSpec,
  MapSpec,
  NormSpec,
  OutputGateSpec,
  RopeSpec,
  TemperatureSpec,
} from './block-spec.js';
import type { TimeMix6Spec, TimeMix7Spec } from './rwkv-spec.js';

/*
 * The blocks of a layer that bring tokens together, besides attention over keys and values of each head.
 */

/** What a layer's first block can be. */
export type MixerSpec =
  | AttentionSpec
  | DeltaNetSpec
  | LatentAttentionSpec
  | LightningSpec
  | LinearMixerSpec
  | SelectiveSpaceSpec
  | ShortConvSpec
  | StateSpaceSpec
  | SumSpec
  | TimeMix6Spec
  | TimeMix7Spec;

/** A linear map in place of attention: each token for itself. */
export interface LinearMixerSpec {
  readonly kind: 'linear';
  readonly norms: BlockNorms;
  readonly linear: LinearSpec;
}

/** A convolution over the last tokens, each channel for itself. */
export interface ConvolutionSpec {
  /** (taps, channels) in the file: the taps of a channel lie together. */
  readonly weight: TensorInfo;
  readonly bias?: TensorInfo;
  readonly taps: number;
  /** Tokens from tap to tap. Default 1. */
  readonly dilation?: number;
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

/**
 * Mamba (Gu and Dao, 2023): values x and a gate from `input`; x goes through the convolution, and b, c and a short row for the steps are
 * made from what comes out. Steps are softplus(step(that row)).
 */
export interface SelectiveSpaceSpec {
  readonly kind: 'selectiveSpace';
  readonly norms: BlockNorms;
  /** Heads with a step each: in Mamba itself one for each channel. */
  readonly heads: number;
  readonly stateLength: number;
  readonly input: LinearSpec;
  /** The rows of `input`: the values of all heads, then their gates; or for each head its gate, then its values. */
  readonly inputOrder: 'valuesFirst' | 'gateFirstByHead';
  readonly convolution: ConvolutionSpec;
  readonly parameters: LinearSpec;
  /** Whether the rows of `parameters` are the short row, b, c; or b, c, the short row. */
  readonly parameterOrder: 'stepFirst' | 'stepLast';
  readonly stepNorm?: NormSpec;
  readonly inNorm?: NormSpec;
  readonly outNorm?: NormSpec;
  /** One row for each head. */
  readonly step: LinearSpec;
  /** Negative. Of each element of a head's state (the head then is one channel), or of a head as a whole. */
  readonly rate: TensorInfo;
  readonly rateOf: 'element' | 'head';
  /** One value for each head. */
  readonly skip: TensorInfo;
  readonly output: LinearSpec;
}

/**
 * Lightning attention (Qin et al., 2024): attention without a softmax, as a state for each head that forgets at a fixed rate. The rows of
 * `input`, through silu, are for each head its query, its key and its value.
 */
export interface LightningSpec {
  readonly kind: 'lightning';
  readonly norms: BlockNorms;
  readonly heads: number;
  readonly headLength: number;
  readonly input: LinearSpec;
  /** One for each head: what is left of a state after a token. */
  readonly decays: readonly number[];
  /** Over the results of all heads. */
  readonly innerNorm: NormSpec;
  readonly gate: OutputGateSpec;
  readonly output: LinearSpec;
}

/** The gated delta rule (Yang, Kautz and Hatamizadeh, 2024), on normalized queries and keys, with a gate on the result of each head. */
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
  /** `fused`: for each key head its query, its key, the values of its heads and their gates. `apart`: queries, keys and values each from a matrix. */
  readonly projection:
    | { readonly kind: 'fused'; readonly qkvGate: LinearSpec }
    | { readonly kind: 'separate'; readonly qkv: LinearSpec; readonly gate: MapSpec }
    | {
        readonly kind: 'apart';
        readonly q: LinearSpec;
        readonly k: LinearSpec;
        readonly v: LinearSpec;
        readonly gate: MapSpec;
      };
  /**
   * Strengths and steps of all heads. `fused`: for each key head the strengths of its heads, then their steps. `elements`: a step for each
   * element of a head's keys; with a bound, decays are e^(floor * logistic(sign * rate * step)).
   */
  readonly gates:
    | { readonly kind: 'fused'; readonly both: LinearSpec }
    | { readonly kind: 'separate'; readonly strength: LinearSpec; readonly step: LinearSpec }
    | {
        readonly kind: 'elements';
        readonly strength: LinearSpec;
        readonly step: MapSpec;
        readonly bound?: { readonly floor: number; readonly sign: 1 | -1 };
      };
  /** Over queries, keys and values, in this order: of all together, or of each. */
  readonly convolutions: readonly ConvolutionSpec[];
  readonly stepBias: TensorInfo;
  /** One for each head. */
  readonly rate: TensorInfo;
  readonly epsilon: number;
  /** Over each head's result. */
  readonly innerNorm: NormSpec;
  readonly gateActivation: 'silu' | 'sigmoid';
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
  readonly query:
    | { readonly kind: 'direct'; readonly linear: LinearSpec }
    | { readonly kind: 'reduced'; readonly first: LinearSpec; readonly norm: NormSpec; readonly second: LinearSpec };
  /** Gives the latent row and the shared part of the keys. */
  readonly reduction: LinearSpec;
  readonly latentNorm: NormSpec;
  /** Over the shared part of the keys, before it is rotated. */
  readonly sharedNorm?: NormSpec;
  /**
   * How heads get their keys and values. `joint`: rows for each head's key, then its value; they are what is kept in pages.
   * `perHead`: queries are taken to the latent space, and sums of latent rows back to values; only latent rows are kept.
   */
  readonly expansion:
    | { readonly kind: 'joint'; readonly linear: LinearSpec }
    | { readonly kind: 'perHead'; readonly query: ExpertsLinearSpec; readonly value: ExpertsLinearSpec };
  /** Undefined: no part of keys is rotated. */
  readonly rope?: RopeSpec;
  readonly temperature?: TemperatureSpec;
  readonly scale: number;
  /** As of other attention, as are sinks. */
  readonly window?: number;
  readonly sinks?: TensorInfo;
  readonly gate?: OutputGateSpec;
  readonly output: LinearSpec;
}

/** Several mixers that read the same input; their outputs are added. */
export interface SumSpec {
  readonly kind: 'sum';
  readonly norms: BlockNorms;
  readonly mixers: readonly MixerSpec[];
}
