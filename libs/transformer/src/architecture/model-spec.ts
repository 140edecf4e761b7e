import type { TensorInfo } from '@starling/gguf';
import type { Activation } from '@starling/kernels/internal';
import type { Pooling } from '../runtime/model-runtime.js';
import type {
  AttentionSpec,
  ExpertsLinearSpec,
  FeedForwardSpec,
  LinearSpec,
  NormSpec,
  StreamReadSpec,
} from './block-spec.js';
import type { ConvolutionSpec, MixerSpec } from './mixer-spec.js';
import type { RankHeadSpec } from './pooling.js';

/*
 * What a model is made of, as its architecture declares it and the graph builds it. Everything is concrete: tensors are those of the
 * file, found and checked; numbers are those of this model.
 */

export interface LayerSpec {
  /** A block of its own before the others. */
  readonly leading?: AttentionSpec;
  /** Undefined: the layer is its feed-forward block alone. */
  readonly mixer?: MixerSpec;
  /** Undefined: the layer is its mixer alone. */
  readonly feedForward?: FeedForwardSpec;
  /** A feed-forward block beside the others: it reads the stream as it comes to the layer, and is added last. */
  readonly beside?: FeedForwardSpec;
  /** Where the model has several streams, see AltUpSpec: how the layer works on one of them and changes the others. */
  readonly altUp?: AltUpLayerSpec;
  /** The feed-forward block reads what the mixer reads (its norm may differ), and both are added at once. */
  readonly parallel: boolean;
  /** Outputs of blocks are multiplied by this before they are added. */
  readonly residualScale: number;
  /** The stream starts anew with what the mixer gives. */
  readonly restarts?: boolean;
  /** Outputs of blocks are added to this times what the block has read, which goes on in place of the stream. */
  readonly inputScale?: number;
  /** The file's block that the tensors are of, where several layers are of the same one. */
  readonly block?: number;
  /** What is done to the residual stream before the layer's blocks, between mixer and feed-forward block, and after them. */
  readonly before?: readonly StreamStep[];
  readonly between?: readonly StreamStep[];
  readonly after?: readonly StreamStep[];
}

/** A step of the residual stream beside the blocks of layers. */
export type StreamStep =
  /** A copy is kept under a name, in place of an earlier one. */
  | { readonly kind: 'keep'; readonly name: string }
  /** What was kept is added, times one number if there is a scale. */
  | { readonly kind: 'recall'; readonly name: string; readonly scale?: TensorInfo }
  /** Rows of a table that stand for the last tokens are added, see NgramSpec. */
  | { readonly kind: 'ngrams'; readonly ngrams: NgramSpec }
  /** A vector is added to each row. */
  | { readonly kind: 'shift'; readonly vector: TensorInfo }
  /** Each row is normalized. */
  | { readonly kind: 'norm'; readonly norm: NormSpec }
  /** Each row is multiplied by one number. */
  | { readonly kind: 'scale'; readonly factor: TensorInfo | number }
  /** What the layer makes of its own input is added. */
  | { readonly kind: 'inject'; readonly injection: InjectionSpec };

/** norm(projection(activation(gate x) * r)), for the row r that `PerLayerInputsSpec` gives this layer. */
export interface InjectionSpec {
  readonly layer: number;
  readonly gate: LinearSpec;
  readonly activation: Activation;
  readonly projection: LinearSpec;
  readonly norm: NormSpec;
}

/**
 * Rows of `length` for each of `count` layers: scale * (norm(projectionScale * projection x) + tableScale * table[token]), the norm over each
 * layer's part, x the embedded token.
 */
export interface PerLayerInputsSpec {
  readonly count: number;
  readonly length: number;
  readonly table: TensorInfo;
  readonly tableScale: number;
  readonly projection: LinearSpec;
  readonly projectionScale: number;
  readonly norm: NormSpec;
  readonly scale: number;
}

/**
 * What the last tokens add to a residual stream of several rows side by side. They choose rows of a table (as in ngramRows); from these, one
 * after another, come a value and for each row of the stream a key. The value goes to each row by how its key matches it, and once more by way
 * of a convolution.
 */
export interface NgramSpec {
  readonly table: TensorInfo;
  /** Tokens, at most. */
  readonly size: number;
  /** Rows for each number of tokens from 2 on. */
  readonly perSize: number;
  readonly multipliers: readonly bigint[];
  /** For each row the part of the table that it is taken from. */
  readonly ranges: readonly { readonly first: number; readonly count: number }[];
  /** The token that nothing before counts beyond. */
  readonly end: number;
  readonly streams: number;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  readonly keyNorm: NormSpec;
  readonly queryNorm: NormSpec;
  readonly convolutionNorm: NormSpec;
  readonly convolution: ConvolutionSpec;
}

/**
 * The residual stream is several rows side by side (AltUp: Baykal et al., 2023): embeddings and maps of them that are as long. In the end the
 * others are mapped back, made as long as the first, and the mean of all goes on.
 */
export interface AltUpSpec {
  readonly streams: number;
  /** All maps in one: rows for the second stream, then for the third, and so on. */
  readonly expansion: LinearSpec;
  /** A matrix for each stream but the first. */
  readonly merging: ExpertsLinearSpec;
}

/**
 * With m(y) = tanh(router routerNorm(y) / width): streams are predicted as x + P(m(x_0)) x; the layer's blocks make y of the first prediction,
 * with a shortcut of low rank beside the mixer, their sum times 1 / sqrt(2); then each stream is its prediction + (1 + C(m(y))) (y - first
 * prediction); what the injection makes of the first one times a vector is added to the others.
 */
export interface AltUpLayerSpec {
  readonly routerNorm: NormSpec;
  readonly router: LinearSpec;
  /** Rows: for each stream what it takes of each. */
  readonly prediction: LinearSpec;
  readonly correction: LinearSpec;
  readonly correctedScale: TensorInfo;
  /** norm(second first x) + x, for what the mixer reads. */
  readonly shortcut: { readonly first: LinearSpec; readonly second: LinearSpec; readonly norm: NormSpec };
  readonly injection: InjectionSpec;
}

/** projection(norm(embedding), hiddenNorm(h)), one after the other, for the hidden state h of the token before. */
export interface JoinedInputSpec {
  readonly norm: NormSpec;
  readonly hiddenNorm: NormSpec;
  readonly projection: LinearSpec;
}

export interface EmbeddingSpec {
  readonly table: TensorInfo;
  readonly scale: number;
  /** Learned vectors for positions, added. */
  readonly positions?: TensorInfo;
  /** Vectors of token types: those of the second of two texts are of type 1, all others of type 0. */
  readonly types?: TensorInfo;
  readonly norm?: NormSpec;
  readonly perLayer?: PerLayerInputsSpec;
  /** Of a head that goes on from another model's hidden states, which come with the tokens. */
  readonly joined?: JoinedInputSpec;
  /** The residual stream begins with as many copies, side by side. Default 1. */
  readonly copies?: number;
}

export interface OutputSpec {
  /** Before the norm. Undefined: the residual stream as it is. */
  readonly read?: StreamReadSpec;
  readonly norm?: NormSpec;
  /** Undefined: the model gives hidden states only. */
  readonly head?: LinearSpec;
  /** Logits are multiplied by this. */
  readonly scale: number;
  readonly softcap?: number;
  /** Tokens that are never given: their logits are the least number. */
  readonly suppressed?: { readonly first: number; readonly count: number };
}

/**
 * What reads a text as a whole before another is written. Of each row that it gives, layers of the decoder get a key and a value, which lie in
 * their pages at its position; what they write comes after those.
 */
export interface EncoderSpec {
  readonly layers: readonly LayerSpec[];
  readonly norm: NormSpec;
  readonly handovers: readonly { readonly keys: LinearSpec; readonly values: LinearSpec; readonly to: AttentionSpec }[];
}

export interface ModelSpec {
  readonly embeddingLength: number;
  readonly vocabSize: number;
  readonly trainedContextLength: number;
  readonly embedding: EmbeddingSpec;
  readonly layers: readonly LayerSpec[];
  readonly altUp?: AltUpSpec;
  readonly output: OutputSpec;
  /** With the token that the decoder, which the layers then are, begins with. */
  readonly encoder?: EncoderSpec & { readonly decoderStart: number };
  /** False: every token sees the whole input. */
  readonly causal: boolean;
  readonly pooling?: Pooling;
  readonly rankHead?: RankHeadSpec;
  /** Maps that pooled vectors go through, one after another. */
  readonly poolMaps?: readonly LinearSpec[];
}
