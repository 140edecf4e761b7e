import type { WorkerFactory } from '@starling/kernels';
import type { KvType } from '@starling/transformer';
import type { ServingOptions } from './model-parts.js';
import type { LoadProgress } from './registry.js';

/** How a model is loaded and served. */
export interface LoadOptions extends ServingOptions {
  /** What the model is called. Default: `general.name` of the file, else its architecture. */
  readonly name?: string;
  /** Compute threads. Default in Node: one for each physical core, at most 64; 1 where there are no workers. */
  readonly threads?: number;
  /** How to start compute workers. Node has its own; elsewhere, without it, each step blocks the calling thread. */
  readonly workers?: WorkerFactory;
  /** In Node: start no worker, and let each step block the calling thread. */
  readonly inline?: boolean;
  /** Tokens that prompt and answer can have together. Default: what the model was trained for, within reason. */
  readonly contextLength?: number;
  /** Tokens of all sequences together that the KV cache has room for. */
  readonly kvTokens?: number;
  /** Tokens of one KV page. */
  readonly pageTokens?: number;
  /** How keys and values are stored. */
  readonly kvType?: KvType;
  /** Tokens of one step, at most. */
  readonly maxBatchTokens?: number;
  /** Sequences of one step, at most. */
  readonly maxSequences?: number;
  /** The same bytes on every CPU, at some cost of speed. */
  readonly deterministic?: boolean;
  /** A Jinja chat template in place of the file's own. */
  readonly chatTemplate?: string;
  /** Refuse the model if it would take more bytes than this. Default in Node: what the machine or its container has. */
  readonly memoryLimitBytes?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
}
