import fs from 'node:fs';
import os from 'node:os';
import type { GgufModel } from '@starling/gguf';
import { nodeCompiler, nodeWorkers } from '@starling/kernels/node';
import type { ModelRuntime } from '../runtime/model-runtime.js';
import type { LoadOptions } from './load-options.js';
import { loadTransformer as load } from './load-transformer.js';

/** Largest number of workers that is started unasked. */
const defaultThreadLimit = 16;

/** Loads a model and starts workers for it. See `loadTransformer` of the main entry. */
export function loadTransformer(model: GgufModel, options: LoadOptions = {}): Promise<ModelRuntime> {
  const compiler = options.compiler ?? nodeCompiler();
  if (options.inline) return load(model, { ...options, compiler });
  const threads = options.threads ?? Math.min(defaultThreadLimit, physicalCores());
  return load(model, { ...options, compiler, threads, workers: options.workers ?? nodeWorkers() });
}

/** Cores this process may use, without the second hardware thread of each where the system tells. */
function physicalCores(): number {
  const available = os.availableParallelism();
  const siblings = siblingsPerCore();
  return Math.max(1, Math.floor(available / siblings));
}

/** Hardware threads of a core, as Linux lists them ("0,64" or "0-1"); 1 where that is not known. */
function siblingsPerCore(): number {
  try {
    const list = fs.readFileSync('/sys/devices/system/cpu/cpu0/topology/thread_siblings_list', 'utf8').trim();
    return list.split(/[,-]/).length;
  } catch {
    return 1;
  }
}
