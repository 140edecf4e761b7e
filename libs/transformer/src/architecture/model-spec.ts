import type { TensorInfo } from '@starling/gguf';
import type { Pooling } from '../runtime/model-runtime.js';
import type { FeedForwardSpec, LinearSpec, NormSpec } from './block-spec.js';
import type { MixerSpec } from './mixer-spec.js';
import type { RankHeadSpec } from './pooling.js';

/*
 * What a model is made of, as its architecture declares it and the graph builds it. Everything is concrete: tensors are those of the
 * file, found and checked; numbers are those of this model.
 */

export interface LayerSpec {
  readonly mixer: MixerSpec;
  /** Undefined: the layer is its mixer alone. */
  readonly feedForward?: FeedForwardSpec;
  /** The feed-forward block reads what the mixer reads (its norm may differ), and both are added at once. */
  readonly parallel: boolean;
  /** Outputs of blocks are multiplied by this before they are added. */
  readonly residualScale: number;
}

export interface EmbeddingSpec {
  readonly table: TensorInfo;
  readonly scale: number;
  /** Learned vectors for positions, added. */
  readonly positions?: TensorInfo;
  /** Vectors of token types; all tokens are of type 0. */
  readonly types?: TensorInfo;
  readonly norm?: NormSpec;
}

export interface OutputSpec {
  readonly norm?: NormSpec;
  /** Undefined: the model gives hidden states only. */
  readonly head?: LinearSpec;
  /** Logits are multiplied by this. */
  readonly scale: number;
  readonly softcap?: number;
}

export interface ModelSpec {
  readonly embeddingLength: number;
  readonly vocabSize: number;
  readonly trainedContextLength: number;
  readonly embedding: EmbeddingSpec;
  readonly layers: readonly LayerSpec[];
  readonly output: OutputSpec;
  /** False: every token sees the whole input. */
  readonly causal: boolean;
  readonly pooling?: Pooling;
  readonly rankHead?: RankHeadSpec;
}
