import type { TensorInfo } from '@starling/gguf';
import type { Activation, Gating } from '@starling/kernels/internal';

/*
 * The blocks of a layer and their parts, see model-spec.ts.
 */

/** y = s W x + b. */
export interface LinearSpec {
  readonly weight: TensorInfo;
  readonly bias?: TensorInfo;
  /** One number for the matrix, as files of NVFP4 have it; of experts one for each. */
  readonly scale?: TensorInfo;
  /** y = s (W x + b): feed-forward blocks scale what the bias has been added to. */
  readonly scalesBias?: boolean;
  readonly rows: number;
  readonly columns: number;
}

/** A linear map, or two one after the other by way of a row of another length, of which `activation` is taken. */
export interface MapSpec {
  readonly first?: LinearSpec;
  readonly activation?: Activation;
  readonly last: LinearSpec;
}

/** How far each element goes from a token's row towards that of the token before: a vector, or one of several of a tensor. */
export interface LerpSpec {
  readonly tensor: TensorInfo;
  /** Number of the vector in the tensor. */
  readonly part: number;
}

/** A norm over a row, or over each head of it. */
export interface NormSpec {
  readonly kind: 'rms' | 'layer';
  readonly epsilon: number;
  /** Undefined: all ones. */
  readonly weight?: TensorInfo;
  readonly bias?: TensorInfo;
}

/** Norms around a block of a layer: on its input, on its output before that is added to the residual stream, on the sum. */
export interface BlockNorms {
  readonly input?: NormSpec;
  readonly output?: NormSpec;
  readonly sum?: NormSpec;
  /** Before the norm on the input. Undefined: the block reads the residual stream as it is. */
  readonly read?: StreamReadSpec;
}

/** How a block is connected with a residual stream. */
export type StreamReadSpec = HyperReadSpec | KeptReadSpec | SharedReadSpec;

/**
 * Hyper-connections (Zhu et al., 2024) with gates of low rank. The stream is several rows side by side, each normalized (`norm` has a weight
 * for each). What is read is their mean, each element times logistic(up silu(down(all) / streams)); what the block gives is added to each row
 * times 2 logistic(inject(all) / streams). `inject` is missing where nothing is added.
 */
export interface HyperReadSpec {
  readonly kind: 'hyper';
  readonly streams: number;
  readonly norm: NormSpec;
  readonly down: LinearSpec;
  readonly up: LinearSpec;
  readonly inject?: LinearSpec;
}

/**
 * Hyper-connections whose weights are made of all rows at once: m = map(normalized rows, as one row without a weight), one number for each row of
 * the stream, and as many again where something is added. What is read is the sum of rows times logistic(scale m + base) + floor; what the block
 * gives is added to each row times magnitude * logistic(scale m + base) + floor. There is a scale for both halves of `map`.
 */
export interface SharedReadSpec {
  readonly kind: 'shared';
  readonly streams: number;
  readonly epsilon: number;
  readonly map: LinearSpec;
  readonly scales: TensorInfo;
  readonly bases: TensorInfo;
  readonly floor: number;
  readonly magnitude: number;
}

/**
 * What is read of a residual stream: a sum of the copies of it that were kept under these names, and of itself, weighted by the softmax of
 * their scores, each the product of `score` and the normalized row.
 */
export interface KeptReadSpec {
  readonly kind: 'kept';
  readonly kept: readonly string[];
  readonly score: TensorInfo;
  readonly epsilon: number;
}

/** Which elements of a head are rotated together, and by which angle a position adds. */
export interface RopeSpec {
  /** `pairs`: (2i, 2i + 1); `halves`: (i, i + dimensions / 2). */
  readonly style: 'pairs' | 'halves';
  /** Elements of a head that are rotated, from the first on. */
  readonly dimensions: number;
  readonly base: number;
  readonly scaling: RopeScaling;
  /** Divisors of the angles, one for each pair. */
  readonly factors?: TensorInfo;
  /** Cosines and sines are multiplied by this. */
  readonly magnitude: number;
}

export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalContext: number;
      readonly betaFast: number;
      readonly betaSlow: number;
    };

/**
 * q, k and v from one matrix (their rows one after another) or from three. `gated`: the rows of q are for each head a query, then a gate,
 * by whose logistic the head's result is multiplied.
 */
export type ProjectionSpec =
  | { readonly kind: 'fused'; readonly qkv: LinearSpec; readonly biases?: HeadBiasSpec }
  | { readonly kind: 'gated'; readonly q: LinearSpec; readonly k: LinearSpec; readonly v: LinearSpec }
  | { readonly kind: 'separate'; readonly q: LinearSpec; readonly k: LinearSpec; readonly v: LinearSpec }
  /** Values are keys, as they are before anything else is done to them. */
  | { readonly kind: 'keysAsValues'; readonly q: LinearSpec; readonly k: LinearSpec }
  /** Keys and values are those of an earlier layer. */
  | { readonly kind: 'queries'; readonly q: LinearSpec; readonly pagesOf: AttentionSpec };

/** Biases of queries, keys and values, in tensors of their own. */
export interface HeadBiasSpec {
  readonly q: TensorInfo;
  readonly k: TensorInfo;
  readonly v: TensorInfo;
}

/** A norm of queries or keys: of each head (with one weight for all, or a weight each) or of the whole row. */
export interface HeadNormSpec extends NormSpec {
  readonly over: 'head' | 'row';
  /** One factor for each head, after the norm. */
  readonly scales?: TensorInfo;
}

/** Results of attention are multiplied by activation(linear x), element by element or head by head. */
export interface OutputGateSpec {
  readonly linear: LinearSpec;
  readonly over: 'elements' | 'heads';
  readonly activation: Activation;
}

/** Queries are multiplied by 1 + scale * ln(1 + floor((position + offset) / interval)). */
export interface TemperatureSpec {
  readonly scale: number;
  readonly offset: number;
  readonly interval: number;
}

/**
 * Biases of distances, as in T5: near ones have a bucket each, farther ones share buckets that grow, and all from `reach` on have the last one.
 * With `bothSides` half of the buckets are for keys after the query.
 */
export interface RelativeBiasSpec {
  /** (heads, buckets) in the file: the heads of a bucket lie together. */
  readonly table: TensorInfo;
  readonly bothSides: boolean;
  readonly reach: number;
}

export interface AttentionSpec {
  readonly kind: 'attention';
  readonly norms: BlockNorms;
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly projection: ProjectionSpec;
  readonly queryNorm?: HeadNormSpec;
  readonly keyNorm?: HeadNormSpec;
  /** Over each head. */
  readonly valueNorm?: NormSpec;
  /** Heads are rotated before these norms, not after. */
  readonly normsAfterRotation?: boolean;
  /** q, k and v are held within ±clamp. */
  readonly clamp?: number;
  readonly rope?: RopeSpec;
  readonly temperature?: TemperatureSpec;
  /** Scores are multiplied by this. */
  readonly scale: number;
  /** Query i sees key j iff 0 <= i - j < window; iff |i - j| < window where attention is not causal. */
  readonly window?: number;
  /** The window does not slide: query i sees key j iff j <= i and both lie in the same chunk of so many positions. */
  readonly chunked?: boolean;
  readonly softcap?: number;
  readonly sinks?: TensorInfo;
  /**
   * Of a model with an encoder: queries see all positions that the encoder has read, or those that were decoded up to their own.
   * Undefined: as the whole model has it.
   */
  readonly sees?: 'encoded' | 'decoded';
  /** Keys and values go to the pages of this one, which gets its own there later. */
  readonly borrows?: AttentionSpec;
  /** Scores have a bias for each head and distance. */
  readonly relative?: RelativeBiasSpec;
  /** Over the joined results of all heads. */
  readonly resultNorm?: NormSpec;
  /** Largest slope exponent of ALiBi. */
  readonly alibiMaxBias?: number;
  readonly gate?: OutputGateSpec;
  readonly output: LinearSpec;
  /** The output is multiplied by this. */
  readonly outputScale?: number;
}

/** down(activation(gate x) * up x), or down(activation(up x)) without a gate. */
export interface DenseSpec {
  readonly kind: 'dense';
  readonly norms: BlockNorms;
  /** `fused`: the rows of the gate, then those of up, in one matrix. */
  readonly input:
    | { readonly kind: 'plain'; readonly up: LinearSpec }
    | { readonly kind: 'gated'; readonly gate: LinearSpec; readonly up: LinearSpec }
    | { readonly kind: 'fused'; readonly gateUp: LinearSpec };
  readonly activation: GatedFunctionSpec;
  /** Of the gate's row only what lies so many standard deviations above its mean is kept, less that. */
  readonly gateDeviations?: number;
  /** Over activated elements. */
  readonly innerNorm?: NormSpec;
  /** Activated elements are divided by these (scales of AWQ). */
  readonly innerDivisors?: TensorInfo;
  readonly down: LinearSpec;
}

/** x is positive: alphaP x^2 + beta x, else alphaN (e^min(x, epsilon) - 1 - x) + beta x. */
export interface XieluSpec {
  readonly kind: 'xielu';
  readonly alphaP: number;
  readonly alphaN: number;
  readonly beta: number;
  readonly epsilon: number;
}

/** The activation of each element alone. */
export interface ActivationSpec {
  readonly kind: 'activation';
  readonly norms: BlockNorms;
  readonly activation: Activation;
}

/** Matrices of all experts, (columns, rows, experts) in the file. */
export interface ExpertsLinearSpec extends LinearSpec {
  readonly count: number;
  /** Products must not lose more than rounding to f32 does, whatever the format of the weights. */
  readonly precise?: boolean;
}

export interface ExpertsSpec {
  readonly kind: 'experts';
  readonly norms: BlockNorms;
  readonly router: LinearSpec;
  readonly count: number;
  readonly used: number;
  readonly gating: Gating;
  /** Added to the scores for choosing, not for weighting. */
  readonly selectionBias?: TensorInfo;
  /** Experts are chosen from the best groups only. */
  readonly groups?: { readonly count: number; readonly used: number };
  /** Weights are divided by their sum. */
  readonly normalize: boolean;
  readonly weightScale: number;
  /** `fused`: the rows of each expert's gate, then those of its up, in one matrix. */
  readonly input:
    | { readonly kind: 'plain'; readonly up: ExpertsLinearSpec }
    | { readonly kind: 'gated'; readonly gate: ExpertsLinearSpec; readonly up: ExpertsLinearSpec }
    | { readonly kind: 'fused'; readonly gateUp: ExpertsLinearSpec };
  readonly down: ExpertsLinearSpec;
  readonly activation: GatedFunctionSpec;
  /** Experts are chosen by what the gating starts from: it may round large logits to the same score. */
  readonly byLogits?: boolean;
  /** The router does not read this block's input. */
  readonly routedBy?: RouterInputSpec;
  /** Weights multiply what experts read, not what they give. */
  readonly weighsInput?: boolean;
  readonly adjugate?: AdjugateSpec;
  /** Experts work on rows of another length: what `down` makes of the input, and `up` of their sum. */
  readonly latent?: LatentSpec;
  /** A dense block for every token, beside the experts; with `gate`, times the logistic of one number for each token. */
  readonly shared?: SharedExpertSpec;
  /** The sum of experts and the dense block is multiplied by this. */
  readonly outputScale?: number;
}

/** The router reads the stream as it comes to the layer, or to the block; by way of a norm if there is one, times a number. */
export interface RouterInputSpec {
  readonly stream: 'layer' | 'block';
  readonly norm?: NormSpec;
  readonly scale?: number;
}

/** Feed-forward blocks that read the same stream, each with norms of its own; their results are added, before the norm on the output. */
export interface FeedForwardSumSpec {
  readonly kind: 'sum';
  /** None on the input. */
  readonly norms: BlockNorms;
  readonly blocks: readonly (DenseSpec | ExpertsSpec)[];
}

/**
 * Second experts (GroveMoE: Wu et al., 2025), each for a group of neighbours among the first: those of the best experts read what the first
 * have summed up, and `scale` times what they make of it is added. The weight of adjugate i is taken from the score of expert i.
 */
export interface AdjugateSpec {
  readonly count: number;
  readonly used: number;
  readonly input: ExpertsSpec['input'];
  readonly down: ExpertsLinearSpec;
  readonly scale: number;
}

/** Maps to rows that are shorter (or longer), and back by way of a norm. */
export interface LatentSpec {
  readonly down: LinearSpec;
  readonly norm?: NormSpec;
  readonly up: LinearSpec;
}

/** What is made of g = gate x and u = up x: a function of g times u, if it is a name. Without a gate names are possible, and xIELU. */
export type GatedFunctionSpec = Activation | ClampedSwigluSpec | LimitedSwigluSpec | SituSpec | XieluSpec;

/** min(silu(g), limit) * u, for u within ±limit. */
export interface LimitedSwigluSpec {
  readonly kind: 'limitedSwiglu';
  readonly limit: number;
}

/** beta tanh(g / beta) * logistic(g) * linearBeta tanh(u / linearBeta); without `linearBeta` times u. */
export interface SituSpec {
  readonly kind: 'situ';
  readonly beta: number;
  readonly linearBeta?: number;
}

/** g * logistic(alpha * g) * (u + shift), for g = min(gate x, limit) and u = up x within ±limit. */
export interface ClampedSwigluSpec {
  readonly kind: 'clampedSwiglu';
  readonly alpha: number;
  readonly limit: number;
  readonly shift: number;
}

/** A dense block for every token, beside experts. */
export interface SharedExpertSpec {
  readonly dense: DenseSpec;
  readonly gate?: LinearSpec;
}

/**
 * RWKV's feed-forward block: value(relu(key x)^2), for rows x between a token's and that of the token before; times logistic(receptance x') if
 * there is one. It has a state: the last row of each sequence.
 */
export interface ChannelMixSpec {
  readonly kind: 'channelMix';
  readonly norms: BlockNorms;
  readonly keyLerp: LerpSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  readonly receptance?: { readonly lerp: LerpSpec; readonly linear: LinearSpec };
}

export type FeedForwardSpec = ActivationSpec | ChannelMixSpec | DenseSpec | ExpertsSpec | FeedForwardSumSpec;
