import { StarlingError } from '@starling/core';
import type { GgufModel } from '@starling/gguf';
import { samplerDefaults } from '@starling/sampler';
import { tokenizerFromGguf } from '@starling/tokenizer';
import type { LoadOptions as RuntimeOptions, ModelRuntime } from '@starling/transformer';
import { chatTemplateFor } from './chat-template.js';
import { createLanguageModel, type LanguageModel } from './language-model.js';
import type { LoadOptions } from './load-options.js';
import { MemoryBudget } from './memory-budget.js';
import { estimateMemory, kvSizeFor, kvTypeFor } from './memory-estimate.js';

/** Loads a runtime: with workers of the platform, or without. */
export type RuntimeLoader = (file: GgufModel, options: RuntimeOptions & { readonly inline?: boolean }) => Promise<ModelRuntime>;

/**
 * Puts a model together from an open file, which may be closed afterwards.
 * @throws StarlingError invalid_model_file, invalid_vocabulary, unsupported_model, out_of_memory with figures
 */
export async function loadModel(file: GgufModel, source: string, options: LoadOptions, loadRuntime: RuntimeLoader): Promise<LanguageModel> {
  const { threads, workers, inline, pageTokens, maxBatchTokens, maxSequences, deterministic, onProgress } = options;
  const kvType = kvTypeFor(file, options);
  const name = options.name ?? file.string('general.name') ?? file.architecture ?? 'model';
  const tokenizer = tokenizerFromGguf(file.metadata);
  new MemoryBudget(options.memoryLimitBytes ?? Infinity).check(name, estimateMemory(file, options));
  const runtime = await loadRuntime(file, { threads, workers, inline, pageTokens, kvType, maxBatchTokens, maxSequences, deterministic, onProgress, ...kvSizeFor(file, options) });
  try {
    if (tokenizer.vocabSize > runtime.info.vocabSize) {
      throw new StarlingError('invalid_model_file', `${source}: the vocabulary has ${tokenizer.vocabSize} tokens, the model has logits for ${runtime.info.vocabSize}`);
    }
    const template = options.chatTemplate ?? file.string('tokenizer.chat_template');
    return createLanguageModel({
      ...options,
      name,
      source,
      runtime,
      tokenizer,
      chatTemplate: template === undefined ? undefined : chatTemplateFor(template, tokenizer),
      metadata: file.metadata,
      samplerDefaults: samplerDefaults(file.metadata),
    });
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
