import os from 'node:os';
import path from 'node:path';
import { openGguf, type GgufModel } from '@starling/gguf';
import { openGgufFile } from '@starling/gguf/node';
import { loadTransformer } from '@starling/transformer/node';
import type { LanguageModel } from './language-model.js';
import { loadModel } from './load-model.js';
import type { LoadOptions } from './load-options.js';
import { estimateMemory } from './memory-estimate.js';
import type { ModelMemory } from './model-types.js';
import { ModelRegistry } from './registry.js';
import type { ModelData } from './starling.js';

/** A path of a GGUF file (any part of a split one), or bytes. */
export type ModelSource = string | ModelData;

/** Bytes that this process may use: the memory of the machine, or of the container that it runs in. */
export function physicalMemoryBytes(): number {
  // Without a limit the system answers 0, or a number beyond all memory.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, os.totalmem()) : os.totalmem();
}

/** Loads models from files and from bytes. */
export const Starling = {
  /**
   * Loads a GGUF model. Unless told otherwise it is called by its file's name, and refused if it takes more than all memory.
   * @throws StarlingError file_not_found, invalid_model_file, invalid_vocabulary, unsupported_model, out_of_memory with figures
   */
  load(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
    const resolved = { memoryLimitBytes: physicalMemoryBytes(), ...options, name: options.name ?? nameOf(source) };
    return withFile(source, (file) => loadModel(file, file.name, resolved, loadTransformer));
  },

  /** What a model would take, from its header alone. */
  estimate(source: ModelSource, options: LoadOptions = {}): Promise<ModelMemory> {
    return withFile(source, (file) => Promise.resolve(estimateMemory(file, options)));
  },

  /** A registry that loads from paths and from bytes. Its limit is all memory unless `memoryLimitBytes` says otherwise. */
  registry({ memoryLimitBytes = physicalMemoryBytes(), ...options }: LoadOptions = {}): ModelRegistry<ModelSource> {
    return new ModelRegistry<ModelSource>({
      memoryLimitBytes,
      loader: {
        load: (source, own) => Starling.load(source, { ...options, ...own, memoryLimitBytes: Infinity }),
        estimate: (source) => Starling.estimate(source, options),
        describe: (source) => (typeof source === 'string' ? source : 'memory'),
      },
    });
  },
};

async function withFile<T>(source: ModelSource, use: (file: GgufModel) => Promise<T>): Promise<T> {
  const file = typeof source === 'string' ? await openGgufFile(source) : await openGguf(source.data);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** A file's name without its ending and the number of its part. */
function nameOf(source: ModelSource): string | undefined {
  if (typeof source !== 'string') return undefined;
  return path.basename(source).replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
}
