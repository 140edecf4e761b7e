import type { PageBytes, SequenceStates } from '@starling/kvcache';
import type { ModelRunner, RunnerLimits, SequenceInput, StepOutput } from '@starling/scheduler';

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

/** Tensors of the file that have no part in what is computed, for one reason. */
export interface UnusedTensors {
  readonly why: string;
  readonly names: readonly string[];
}

/** An adapter beside a loaded model. */
export interface AdapterInfo {
  readonly id: string;
  readonly kind: 'lora' | 'controlVector';
  /** Of its file's values: computed tokens are only the same if this is. */
  readonly digest: string;
  /** What its file is called. */
  readonly file: string;
  /** `general.name` of its file. */
  readonly name?: string;
  /** What it was made for, and what prompts should begin with, as its file says. */
  readonly taskName?: string;
  readonly promptPrefix?: string;
}

/** Pages of windowed layers beside those of the others, for positions that are less than `window` away: `step` gets them as `windowPages`. */
export interface WindowedPages {
  readonly window: number;
  /** Ids 0..pageCount-1. */
  readonly pageCount: number;
  readonly pageBytes: number;
}

/** What a model takes, in bytes as they are allocated. It follows from the header of its file and the options, before anything is allocated. */
export interface MemoryPlan {
  readonly contextLength: number;
  readonly kvType: KvType;
  /** Tokens a page holds; `pageCount` pages exist, ids 0..pageCount-1; one page takes `pageBytes` over all layers. */
  readonly pageTokens: number;
  readonly pageCount: number;
  readonly pageBytes: number;
  /** Set where windowed layers have pages of their own: those above then are of all other layers. */
  readonly windowed?: WindowedPages;
  /** The weights as the kernels keep them, those of adapters included. */
  readonly weightBytes: number;
  /** All pages. */
  readonly kvBytes: number;
  /** Everything else: states of slots, activations, tables, programs, and what is lost to alignment. */
  readonly scratchBytes: number;
  /** The sum: what is allocated, in whole pages of WebAssembly. */
  readonly totalBytes: number;
  /** WebAssembly memories that the layers are spread over. */
  readonly memoryCount: number;
  /** Empty if all weights are kept as they are in the file. */
  readonly conversions: readonly WeightConversion[];
}

/** What a loaded model is and what it costs. Everything here is fixed from load to close. */
export interface ModelInfo extends RunnerLimits, MemoryPlan {
  /** `general.architecture` of the file. */
  readonly architecture: string;
  readonly name?: string;
  /** The context the model was trained with. */
  readonly trainedContextLength: number;
  readonly vocabSize: number;
  readonly layerCount: number;
  /** Width of a hidden state and of an embedding. */
  readonly embeddingLength: number;
  readonly parameterCount: number;
  readonly threads: number;
  /** How the kernels were built: sums of another build may differ in their last bits. */
  readonly kernelBuild: string;
  /** The block format that most weights are in, for example `Q4_0`. */
  readonly quantization: string;
  /** Tensors of the file that have no part in what is computed, by reason: what sees images, for example. */
  readonly unused: readonly UnusedTensors[];
  /** A state that is not in pages belongs to each slot: a sequence keeps its slot, and cannot be cut back to any length. */
  readonly hasRecurrentState: boolean;
  /** False where each token sees the whole input (of a model with an encoder: all that is read), which must come in one step. */
  readonly causal: boolean;
  /**
   * Of a model that reads a text with an encoder and writes another: the token that this begins with. A sequence is what is read, this token and
   * what is written, see `SequenceInput.encoderTokens`.
   */
  readonly decoderStart?: number;
  /** The model's own way to pool, for embedding models. */
  readonly pooling?: Pooling;
  /** Whether it has a head that scores texts: pooling `rank`, whatever its own way is. */
  readonly ranks: boolean;
  /** What its head wants a query and a document to be put into, where the file does not say: with `{query}` and `{document}` for them. */
  readonly rankTemplate?: string;
  /** Whether `step` gives logits (a pure encoder has none). */
  readonly hasLogits: boolean;
  /** Adapters that sequences can choose from. */
  readonly adapters: readonly AdapterInfo[];
}

export interface EmbeddingOutput {
  readonly rows: number;
  /** (rows, embeddingLength), or (rows, 1) for `rank`; belongs to the caller. Not normalized. */
  readonly vectors: Float32Array;
}

/**
 * Makes the vectors of one text from the hidden states of its tokens, which come in order, all at once or in parts: to the same bits, however it
 * is cut.
 */
export interface TextPooler {
  /** Which rows it needs: of all tokens, or of the last one alone; of more than that it takes what it needs. */
  readonly outputs: 'all' | 'last';
  /** @param hidden (rows, embeddingLength); read during the call, not after */
  add(hidden: Float32Array): void;
  /** Of what was added: one vector, for each token one with pooling `none`. Needs a row at least. */
  output(): EmbeddingOutput;
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
 * - any other step must go on exactly where the slot's state is. States cannot be cut back; a state that was saved can be loaded into any
 *   slot, which then goes on at the position where it was saved, with pages that hold the same tokens;
 * - after a step that failed the states of its slots are lost, and its sequences start anew.
 * Steps against these rules are refused with `invalid_argument`.
 */
export interface ModelRuntime extends ModelRunner, PageBytes, SequenceStates {
  readonly info: ModelInfo;
  /** Runs the tokens of a batch and gives the logits asked for. @throws StarlingError `invalid_argument` for a batch beyond the limits of `info`. */
  step(batch: readonly SequenceInput[]): Promise<StepOutput>;
  /**
   * The normalized hidden state `(embeddingLength)` that a row of the last step's logits was made of, for a head that goes on from it. Belongs to
   * the runtime and is valid until its next step. Undefined: of a step of so many rows that they are not kept.
   */
  hiddenOf?(row: number): Float32Array | undefined;
  /**
   * Runs tokens of texts and gives the hidden states (rows, embeddingLength) of those that are asked for (`outputs`), for `pooler`. Texts of models that
   * are not causal come whole.
   */
  hidden(batch: readonly SequenceInput[]): Promise<EmbeddingOutput>;
  /** @throws StarlingError `invalid_argument` for `rank` without a head */
  pooler(pooling: Pooling): TextPooler;
  /**
   * Runs whole texts and gives a vector for each (for each token with pooling `none`); `outputs` is not looked at. Texts of causal models may have more
   * tokens than a step takes: whatever else is to run meanwhile waits for all of them, other than with `hidden`.
   */
  embed(batch: readonly SequenceInput[], options?: { pooling?: Pooling }): Promise<EmbeddingOutput>;
  /** Ends the workers and gives the memory back. Steps under way fail with `closed`. */
  close(): Promise<void>;
}
