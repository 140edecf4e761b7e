import type { GgufModel } from '@starling/gguf';
import { nodeCompiler, nodeWorkers, physicalCores } from '@starling/kernels/node';
import type { MemoryPlan, ModelRuntime } from '../runtime/model-runtime.js';
import type { LoadOptions } from './load-options.js';
import { loadTransformer as load } from './load-transformer.js';
import { planMemory as plan } from './plan-transformer.js';

/** Threads that are started unasked at most. */
const defaultThreadLimit = 64;

/** Loads a model and starts workers for it. See `loadTransformer` of the main entry. */
export function loadTransformer(model: GgufModel, options: LoadOptions = {}): Promise<ModelRuntime> {
  return load(model, { ...onThreads(options), compiler: options.compiler ?? nodeCompiler() });
}

/** What a model will take when it is loaded here. See `planMemory` of the main entry. */
export function planMemory(model: GgufModel, options: LoadOptions = {}): Promise<MemoryPlan> {
  return plan(model, onThreads(options));
}

/** Options with workers, as many as there are cores unless told otherwise. */
function onThreads(options: LoadOptions): LoadOptions {
  if (options.inline) return options;
  return {
    ...options,
    threads: options.threads ?? Math.min(defaultThreadLimit, physicalCores()),
    workers: options.workers ?? nodeWorkers(),
  };
}
