import type { TensorInfo } from '@starling/gguf';
import type { Activation, Gating } from '@starling/kernels';

/*
 * The blocks of a layer and their parts, see model-spec.ts.
 */

/** y = W x + b. */
export interface LinearSpec {
  readonly weight: TensorInfo;
  readonly bias?: TensorInfo;
  readonly rows: number;
  readonly columns: number;
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
  | { readonly kind: 'yarn'; readonly factor: number; readonly originalContext: number; readonly betaFast: number; readonly betaSlow: number };

/**
 * q, k and v from one matrix (their rows one after another) or from three. `gated`: the rows of q are for each head a query, then a gate,
 * by whose logistic the head's result is multiplied.
 */
export type ProjectionSpec =
  | { readonly kind: 'fused'; readonly qkv: LinearSpec }
  | { readonly kind: 'gated'; readonly q: LinearSpec; readonly k: LinearSpec; readonly v: LinearSpec }
  | { readonly kind: 'separate'; readonly q: LinearSpec; readonly k: LinearSpec; readonly v: LinearSpec };

/** A norm of queries or keys: of each head (with one weight for all, or a weight each) or of the whole row. */
export interface HeadNormSpec extends NormSpec {
  readonly over: 'head' | 'row';
}

/** Queries are multiplied by 1 + scale * ln(1 + floor((position + offset) / interval)). */
export interface TemperatureSpec {
  readonly scale: number;
  readonly offset: number;
  readonly interval: number;
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
  /** q, k and v are held within ±clamp. */
  readonly clamp?: number;
  readonly rope?: RopeSpec;
  readonly temperature?: TemperatureSpec;
  /** Scores are multiplied by this. */
  readonly scale: number;
  /** Query i sees key j iff 0 <= i - j < window. */
  readonly window?: number;
  readonly softcap?: number;
  readonly sinks?: TensorInfo;
  /** Largest slope exponent of ALiBi. */
  readonly alibiMaxBias?: number;
  readonly output: LinearSpec;
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
  readonly activation: Activation;
  readonly down: LinearSpec;
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
  readonly gate?: ExpertsLinearSpec;
  readonly up: ExpertsLinearSpec;
  readonly down: ExpertsLinearSpec;
  readonly activation: Activation | { readonly kind: 'clampedSwiglu'; readonly alpha: number; readonly limit: number };
  /** A dense block for every token, beside the experts; with `gate`, times the logistic of one number for each token. */
  readonly shared?: { readonly dense: DenseSpec; readonly gate?: LinearSpec };
}

export type FeedForwardSpec = DenseSpec | ExpertsSpec;
