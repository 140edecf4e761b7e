import type { ArenaStatistics, KvCacheStatistics } from '@starling/kvcache';
import type { SchedulerStatistics } from '@starling/scheduler';
import type { MemoryPlan, ModelInfo, Pooling } from '@starling/transformer';
import type { DraftModelStatistics } from './drafting/draft-model.js';
import type { RequestTerms } from './request-terms.js';

/** What a loaded model is: the runtime's figures, and what the engine knows beside. */
export interface EngineModelInfo extends ModelInfo {
  readonly name: string;
  /** Where it was loaded from: a path, or `memory`. */
  readonly source: string;
  /** Whether there is a chat template (the file's, or one that was given when it was loaded), so that `messages` can be given. */
  readonly hasChatTemplate: boolean;
  /** Tokens that one sequence can have: the context, or all KV pages if those hold less. */
  readonly sequenceLimit: number;
  /** Tokens of an answer that may be expected, and computed ahead, in a step; 0: nothing is drafted. */
  readonly draftTokens: number;
}

/** How busy a model is, now. */
export interface ModelStatistics extends SchedulerStatistics {
  readonly kv: ArenaStatistics;
  /** Of windowed layers, where those have pages of their own. */
  readonly kvOfWindows?: ArenaStatistics;
  /** What the prefix cache has found and holds. */
  readonly cache: KvCacheStatistics;
  /** Of a model that drafts for it. */
  readonly draftModel?: DraftModelStatistics;
}

/** Bytes that a model holds. */
export type ModelMemory = Pick<MemoryPlan, 'weightBytes' | 'kvBytes' | 'scratchBytes' | 'totalBytes'>;

/** The figures of memory among those of a plan, or of a loaded model. */
export const memoryOf = ({ weightBytes, kvBytes, scratchBytes, totalBytes }: ModelMemory): ModelMemory => ({
  weightBytes,
  kvBytes,
  scratchBytes,
  totalBytes,
});

/** The figures of a model together with those of one beside it. */
export function memoryWith(model: ModelMemory, beside: ModelMemory | undefined): ModelMemory {
  const sum = (name: keyof ModelMemory): number => model[name] + (beside?.[name] ?? 0);
  return {
    weightBytes: sum('weightBytes'),
    kvBytes: sum('kvBytes'),
    scratchBytes: sum('scratchBytes'),
    totalBytes: sum('totalBytes'),
  };
}

export interface TokenizeOptions {
  /** Put BOS and the like around the text, where the vocabulary says so. Default true. */
  readonly addSpecial?: boolean;
  /** Read control tokens written out in the text as such. Default false. */
  readonly parseSpecial?: boolean;
}

export interface EmbedOptions extends RequestTerms {
  /** How much of each adapter is added, by its id. Those that are not named have the scale of `model.adapters`. */
  readonly adapters?: Readonly<Record<string, number>>;
  /** Default: the model's own way, else mean. */
  readonly pooling?: Pooling;
  /** Scale each vector to length 1. Default true. */
  readonly normalize?: boolean;
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

export interface PerplexityOptions extends RequestTerms {
  /** Tokens of one chunk, BOS included where the vocabulary asks for one; each chunk is scored alone. Default: the context. */
  readonly chunkTokens?: number;
  /** Positions at the start of a chunk that are not scored. Default 0: all but the first are scored. */
  readonly skipTokens?: number;
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
