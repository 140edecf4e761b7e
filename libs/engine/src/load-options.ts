import type { ComputeTurns, WorkerFactory } from '@starling/kernels';
import type { SamplerOptions } from '@starling/sampler';
import type { KvType, ModelRuntime } from '@starling/transformer';
import type { ModelData } from './model-data.js';
import type { ServingOptions } from './model-parts.js';
import type { LoadProgress } from './registry.js';
import type { SharedPrefix } from './shared-prefix.js';

/** An adapter to be loaded beside a model. */
export interface AdapterOptions {
  /** A GGUF file of LoRA or of control vectors: by its path (in a browser: its URL), or its bytes. */
  readonly source: string | ModelData;
  /** What requests call it. Default: the name of the file. */
  readonly id?: string;
  /** How much of it is added where a request does not say. Default 1. */
  readonly scale?: number;
  /** Of a control vector: the first and the last layer that it is added to. Default: all that it has a direction for. */
  readonly layers?: readonly [first: number, last: number];
}

/** How a model is loaded and served. */
export interface LoadOptions extends ServingOptions {
  /** What the model is called. Default: `general.name` of the file, else its architecture. */
  readonly name?: string;
  /** Compute threads. Default in Node: one for each physical core, at most 64; with `workers` elsewhere what the browser tells, at most 16; 1 without. */
  readonly threads?: number;
  /** How to start compute workers. Node has its own; elsewhere, without it, each step blocks the calling thread. */
  readonly workers?: WorkerFactory;
  /** Milliseconds without any progress of a step after which its workers count as hung and are replaced: the step is tried again. Default 60,000; Infinity: never. */
  readonly watchdogMs?: number;
  /** Turns that this model's steps take with those of others that have the same cores. Default: of a registry's models, turns of their own; else it computes whenever it is asked. */
  readonly turns?: ComputeTurns;
  /** In Node: start no worker, and let each step block the calling thread. */
  readonly inline?: boolean;
  /** Tokens that prompt and answer can have together. Default: what the model was trained for, at most 8,192, and at most 4,096 where the pages of more would take over 1 GiB. */
  readonly contextLength?: number;
  /** Tokens of all sequences together that the KV cache has room for. Default: a whole context for each of `maxSequences`, as far as 1 GiB reaches, and at least one. */
  readonly kvTokens?: number;
  /** Tokens of one KV page: a multiple of 16. Default 32. */
  readonly pageTokens?: number;
  /** KV pages of windowed layers. Default: the windows of as many sequences as run at once, and a quarter of all pages to be kept for later prompts. */
  readonly windowPageCount?: number;
  /** How keys and values are stored. Default F16; F32 where most of the weights are. */
  readonly kvType?: KvType;
  /** Tokens of one step, at most. Default 256; of models that see each text as a whole the context, at most 2,048. */
  readonly maxBatchTokens?: number;
  /** Sequences of one step, at most: so many answers are written at once, others wait. Default 16. */
  readonly maxSequences?: number;
  /** The same bytes on every CPU, at some cost of speed. Default false: relaxed SIMD is used where the engine has it, and the last bits may differ between CPUs. */
  readonly deterministic?: boolean;
  /** How tokens are chosen where a request does not say; comes before what the file recommends. */
  readonly samplerDefaults?: SamplerOptions;
  /** LoRA and control vectors beside the model, from which each request chooses. */
  readonly adapters?: readonly AdapterOptions[];
  /**
   * A smaller model with the same vocabulary, whose likeliest tokens are computed beside those that are known, where that is likely to be faster: a GGUF
   * file by its path (in a browser: its URL), or its bytes. The same tokens come. Default: none.
   */
  readonly draftModel?: string | ModelData;
  /** A Jinja chat template in place of the file's own. */
  readonly chatTemplate?: string;
  /** The template of a model that generates and whose file brings none. Default: it takes no `messages`. */
  readonly fallbackChatTemplate?: string;
  /** What prompts of all tenants may begin with: computed while the model is loaded, and kept. Models that only embed have no use for it. */
  readonly sharedPrefixes?: readonly SharedPrefix[];
  /** Read a digest of the weights, so that sessions can be saved to files and opened elsewhere. Default in Node: true, for a model in a file. */
  readonly digestWeights?: boolean;
  /** Refuse the model if it would take more bytes than this. Default in Node: what the machine or its container has. */
  readonly memoryLimitBytes?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Puts something in the place of what computes steps: for tests of what comes of its failures. */
  readonly wrapRuntime?: (runtime: ModelRuntime) => ModelRuntime;
}
