import { openGguf, type GgufInput } from '@starling/gguf';
import { loadTransformer } from '@starling/transformer';
import type { LanguageModel } from './language-model.js';
import { loadModel } from './load-model.js';
import type { LoadOptions } from './load-options.js';
import { estimateMemory } from './memory-estimate.js';
import type { ModelMemory } from './model-types.js';

/** The bytes of a model: a Blob (a File that a user chose), a buffer, or any source that can be read at a place. */
export interface ModelData {
  /** One file, or all parts of a split one in order. */
  readonly data: GgufInput | readonly GgufInput[];
}

/** Loads models from bytes. In Node, `Starling` of `@starling/engine/node` takes paths too. */
export const Starling = {
  /**
   * Loads a GGUF model.
   * @throws StarlingError invalid_model_file, invalid_vocabulary, unsupported_model, out_of_memory with figures
   */
  async load({ data }: ModelData, options: LoadOptions = {}): Promise<LanguageModel> {
    const file = await openGguf(data);
    try {
      return await loadModel(file, file.name, options, loadTransformer);
    } finally {
      await file.close();
    }
  },

  /** What a model would take, from its header alone. */
  async estimate({ data }: ModelData, options: LoadOptions = {}): Promise<ModelMemory> {
    const file = await openGguf(data);
    try {
      return estimateMemory(file, options);
    } finally {
      await file.close();
    }
  },
};
