import type { GgufModel } from '@starling/gguf';
import { nodeCompiler, nodeWorkers, physicalCores } from '@starling/kernels/node';
import type { ModelRuntime } from '../runtime/model-runtime.js';
import type { LoadOptions } from './load-options.js';
import { loadTransformer as load } from './load-transformer.js';

/** Threads that are started unasked at most. */
const defaultThreadLimit = 64;

/** Loads a model and starts workers for it. See `loadTransformer` of the main entry. */
export function loadTransformer(model: GgufModel, options: LoadOptions = {}): Promise<ModelRuntime> {
  const compiler = options.compiler ?? nodeCompiler();
  if (options.inline) return load(model, { ...options, compiler });
  const threads = options.threads ?? Math.min(defaultThreadLimit, physicalCores());
  return load(model, { ...options, compiler, threads, workers: options.workers ?? nodeWorkers() });
}
