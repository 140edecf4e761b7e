import { StarlingError } from '@starling/core';
import type { ComputeTurns, KernelCompiler, WorkerFactory } from '@starling/kernels';
import { maximumMemoryBytes } from '@starling/kernels';
import type { AdapterSource } from '../adapters/adapter.js';
import type { ModelPart } from '../architecture/model-reader.js';
import type { InputSums } from '../runtime/input-sums.js';
import type { KvType, MemoryPlan } from '../runtime/model-runtime.js';

/** How a model is loaded. What is left out gets the default. */
export interface LoadOptions {
  /** Workers that compute. Default: in Node one for each physical core, at most 64; elsewhere what the engine tells, at most 16; without `workers`: 1. */
  readonly threads?: number;
  /** How to start workers. Without it, steps run on the calling thread, which waits for them. */
  readonly workers?: WorkerFactory;
  /** How kernels are compiled. Default: as the engine does by itself, which in Node is slower than `nodeCompiler()`. */
  readonly compiler?: KernelCompiler;
  /** True: no worker is started even where it could be; each step blocks the calling thread. Default false. */
  readonly inline?: boolean;
  /** Tokens of one sequence, at most. Default: what the model was trained with, at most 8192, and at most 4096 where the pages of more would take over 1 GiB. */
  readonly contextLength?: number;
  /** Pages of keys and values. Default: `kvTokens`, else whatever all sequences could fill, as far as 1 GiB reaches. */
  readonly pageCount?: number;
  /** Positions that all pages hold together, instead of `pageCount`. */
  readonly kvTokens?: number;
  /**
   * True: windowed layers have pages of their own, fewer than the others where windows need less; `step` then gets them as `windowPages`, see
   * `info.windowed`. Default false: a page is one of all layers.
   */
  readonly slidingWindows?: boolean;
  /** Pages of windowed layers. Default: the windows of all sequences of a step, and a quarter of `pageCount` to be kept. At least one window. */
  readonly windowPageCount?: number;
  /** Positions of one page: a multiple of 16. Default 32. */
  readonly pageTokens?: number;
  /** Milliseconds without any progress of a step after which its workers count as hung and are replaced. Default 60,000; Infinity: never. */
  readonly watchdogMs?: number;
  /** Turns that this model's steps take with those of others that have the same cores. Default: it computes whenever it is asked. */
  readonly turns?: ComputeTurns;
  /** Tokens of one step, at most. Default 256; of models that see each text as a whole the context, at most 2048. */
  readonly maxBatchTokens?: number;
  /** Sequences of one step, at most. Default 16. */
  readonly maxSequences?: number;
  /** Default F16; F32 where most of the weights are. */
  readonly kvType?: KvType;
  /** The same bits on every machine: leaves out relaxed SIMD. */
  readonly deterministic?: boolean;
  /** `nextn`: the head in the file that predicts the token after the next one, in place of the model; see `hasNextn`. Default `model`. */
  readonly part?: ModelPart;
  /** Bytes that one WebAssembly memory may have; larger models are cut into ranges of layers. Default: nearly 4 GiB. */
  readonly memoryBytes?: number;
  /** LoRA and control vectors beside the model, from which each sequence chooses. Default: none. */
  readonly adapters?: readonly AdapterSource[];
  /** What sums up what enters each matrix, see `InputSums`. Default: nobody looks, and nothing is computed for it. */
  readonly inputSums?: InputSums;
  /** Called with what the model will take before anything of it is allocated. What it throws ends the load. */
  readonly onPlan?: (plan: MemoryPlan) => void;
  /** Called as weights arrive. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** How far loading is: bytes of the file's weights. */
export interface LoadProgress {
  readonly done: number;
  readonly total: number;
}

/** Options with all that does not depend on the model filled in. */
export interface ResolvedOptions extends Omit<LoadOptions, 'pageCount' | 'kvTokens' | 'contextLength'> {
  readonly threads: number;
  readonly pageTokens: number;
  readonly maxBatchTokens: number;
  readonly maxSequences: number;
  readonly kvType: KvType;
  readonly memoryBytes: number;
}

/** Largest number of cores that is used unasked. */
const defaultThreadLimit = 16;

/** Fills in defaults. @throws StarlingError `invalid_argument` for a value that is out of range */
export function resolveOptions(options: LoadOptions): ResolvedOptions {
  const workers = options.inline ? undefined : options.workers;
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  const resolved = {
    ...options,
    workers,
    threads: options.inline ? 1 : (options.threads ?? (workers ? Math.min(defaultThreadLimit, Math.max(1, cores)) : 1)),
    pageTokens: options.pageTokens ?? 32,
    maxBatchTokens: options.maxBatchTokens ?? 256,
    maxSequences: options.maxSequences ?? 16,
    kvType: options.kvType ?? 'F16',
    memoryBytes: Math.min(options.memoryBytes ?? maximumMemoryBytes, maximumMemoryBytes),
  };
  for (const name of ['threads', 'pageTokens', 'maxBatchTokens', 'maxSequences'] as const) {
    if (!Number.isSafeInteger(resolved[name]) || resolved[name] < 1)
      throw refused(`'${name}' is ${resolved[name]}, where a positive whole number is expected`);
  }
  if (resolved.pageTokens % 16 !== 0)
    throw refused(`'pageTokens' is ${resolved.pageTokens}, where a multiple of 16 is expected`);
  if (resolved.threads > 1 && !workers)
    throw refused(`'threads' is ${resolved.threads}, but no way to start workers was given`);
  return resolved;
}

function refused(why: string): StarlingError {
  return new StarlingError('invalid_argument', `The model cannot be loaded as asked: ${why}.`);
}
