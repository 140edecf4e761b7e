import type { ArenaStatistics } from '@starling/kvcache';
import type { ModelInfo, Pooling } from '@starling/transformer';

/** What a loaded model is: the runtime's figures, and what the engine knows beside. */
export interface EngineModelInfo extends ModelInfo {
  readonly name: string;
  /** Where it was loaded from: a path, or `memory`. */
  readonly source: string;
  /** Whether the file brings a chat template, so that `messages` can be given. */
  readonly hasChatTemplate: boolean;
  /** Tokens that one sequence can have: the context, or all KV pages if those hold less. */
  readonly sequenceLimit: number;
}

/** How busy a model is, now. */
export interface ModelStatistics {
  /** Requests that wait for their first step. */
  readonly queued: number;
  readonly queueLimit: number;
  /** Sequences that hold a slot. */
  readonly running: number;
  /** Sequences that have begun and wait for a slot or for pages again. */
  readonly suspended: number;
  readonly kv: ArenaStatistics;
}

/** Bytes that a model holds. */
export interface ModelMemory {
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly scratchBytes: number;
  readonly totalBytes: number;
}

export interface TokenizeOptions {
  /** Default true. */
  readonly addSpecial?: boolean;
  /** Default false. */
  readonly parseSpecial?: boolean;
}

export interface EmbedOptions {
  /** Default: the model's own way, else mean. */
  readonly pooling?: Pooling;
  /** Scale each vector to length 1. Default true. */
  readonly normalize?: boolean;
  readonly signal?: AbortSignal;
}

export interface EmbedResult {
  /** One vector an input; with pooling `none`, one a token, in order. */
  readonly vectors: readonly Float32Array[];
  /** Which input each vector belongs to. */
  readonly inputs: readonly number[];
  readonly promptTokens: number;
}

/** Logits of every position. */
export interface LogitsResult {
  readonly rows: number;
  readonly vocabSize: number;
  /** `(rows, vocabSize)`. */
  readonly logits: Float32Array;
}

export interface PerplexityOptions {
  /** Tokens of one chunk, BOS included where the vocabulary asks for one; each chunk is scored alone. Default: the context. */
  readonly chunkTokens?: number;
  /** Positions at the start of a chunk that are not scored. Default 0: all but the first are scored. */
  readonly skipTokens?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface PerplexityResult {
  readonly perplexity: number;
  /** Sum of negative log-likelihoods (natural logarithm) over the scored tokens. */
  readonly negativeLogLikelihood: number;
  readonly tokens: number;
  readonly chunks: readonly { readonly negativeLogLikelihood: number; readonly tokens: number }[];
}

export interface CloseOptions {
  /** Let requests under way and in the queue end first. Default true. */
  readonly drain?: boolean;
  /** Milliseconds after which they are ended with `shutting_down`. Default: no limit. */
  readonly timeoutMs?: number;
}
