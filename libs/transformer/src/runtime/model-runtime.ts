/** How the rows of a text become one vector. `rank`: the score of a reranking head. */
export type Pooling = 'none' | 'mean' | 'cls' | 'last' | 'rank';

/** The format that keys and values are kept in. */
export type KvType = 'F32' | 'F16' | 'Q8_0';

/** Weights that are kept in another format than the file's, because there are no kernels for it. */
export interface WeightConversion {
  readonly from: string;
  readonly to: string;
  readonly tensors: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** What a loaded model is and what it costs. Everything here is fixed from load to close. */
export interface ModelInfo {
  /** `general.architecture` of the file. */
  readonly architecture: string;
  readonly name?: string;
  /** Tokens of one sequence, at most (prompt and answer together). */
  readonly contextLength: number;
  /** The context the model was trained with. */
  readonly trainedContextLength: number;
  readonly vocabSize: number;
  readonly layerCount: number;
  /** Width of a hidden state and of an embedding. */
  readonly embeddingLength: number;
  readonly parameterCount: number;
  /** Tokens a page holds; `pageCount` pages exist, ids 0..pageCount-1; one page takes `pageBytes` over all layers. */
  readonly pageTokens: number;
  readonly pageCount: number;
  readonly pageBytes: number;
  readonly kvType: KvType;
  /** Rows (tokens) that one step takes, at most. */
  readonly maxBatchTokens: number;
  /** Sequences that one step takes, at most; slots are 0..maxSequences-1. */
  readonly maxSequences: number;
  readonly threads: number;
  /** Memory of the weights as the kernels keep them, of all pages, and of everything else. */
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly scratchBytes: number;
  /** WebAssembly memories that the layers are spread over. */
  readonly memoryCount: number;
  /** The block format that most weights are in, for example `Q4_0`. */
  readonly quantization: string;
  /** Empty if all weights are kept as they are in the file. */
  readonly conversions: readonly WeightConversion[];
  /** A state that is not in pages belongs to each slot: a sequence keeps its slot, and cannot be cut back to any length. */
  readonly hasRecurrentState: boolean;
  /** False for encoders: each token sees the whole input, which must come in one step. */
  readonly causal: boolean;
  /** The model's own way to pool, for embedding models. */
  readonly pooling?: Pooling;
  /** Whether `step` gives logits (a pure encoder has none). */
  readonly hasLogits: boolean;
}

/** The new tokens of one sequence in a step. */
export interface SequenceInput {
  readonly tokens: ArrayLike<number>;
  /** The position of tokens[0]; everything before it was computed by earlier steps into the same pages. */
  readonly startPosition: number;
  /** Page ids, covering at least startPosition + tokens.length positions. Read during the call of `step`, not after. */
  readonly pages: Int32Array;
  /** 0..maxSequences-1: where recurrent state is kept; no two sequences of a step share one. */
  readonly slot: number;
  /** Which of the tokens' logits are wanted. */
  readonly outputs: 'none' | 'last' | 'all';
}

export interface StepOutput {
  /** Rows of logits: in order of the batch, then of the tokens. */
  readonly rows: number;
  /** (rows, vocabSize); belongs to the runtime and is valid until its next step. */
  readonly logits: Float32Array;
}

export interface EmbeddingOutput {
  readonly rows: number;
  /** (rows, embeddingLength), or (rows, 1) for `rank`; belongs to the caller. Not normalized. */
  readonly vectors: Float32Array;
}

/**
 * A loaded model. One step at a time: a call while another is under way waits for its turn.
 *
 * The result of a sequence does not depend on what else is in the batch, on how its tokens were cut into steps, or on the
 * number of threads: logits are equal bit for bit.
 *
 * A step that fails (`worker_failed`, `closed`) has written an unknown part of the pages of its own tokens and nothing else.
 *
 * A model with `info.hasRecurrentState` keeps, beside the pages, a state of fixed size in each slot:
 * - a sequence keeps its slot from its first token to its last; a slot belongs to one sequence at a time;
 * - a sequence that starts at position 0 starts from a state of zero, whatever the slot held before;
 * - any other step must go on exactly where the slot's state is: states cannot be cut back, shared or copied, so that pages of a common
 *   beginning are of no use to a second sequence, and a sequence that is forked, preempted or moved is computed again from position 0;
 * - after a step that failed the states of its slots are lost, and its sequences start anew.
 * Steps against these rules are refused with `invalid_argument`.
 */
export interface ModelRuntime {
  readonly info: ModelInfo;
  /** Runs the tokens of a batch and gives the logits asked for. @throws StarlingError `invalid_argument` for a batch beyond the limits of `info`. */
  step(batch: readonly SequenceInput[]): Promise<StepOutput>;
  /** Runs whole texts and gives a vector for each (for each token with pooling `none`); `outputs` is not looked at. */
  embed(batch: readonly SequenceInput[], options?: { pooling?: Pooling }): Promise<EmbeddingOutput>;
  /** Copies all layers of a page: for copy on write. */
  copyPage(from: number, to: number): Promise<void>;
  /** Ends the workers and gives the memory back. Steps under way fail with `closed`. */
  close(): Promise<void>;
}
