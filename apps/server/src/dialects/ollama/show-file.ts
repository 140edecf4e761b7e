import { PackedStrings } from '@starling/core';
import { weightFacts, type GgufModel } from '@starling/gguf';
import { openGgufFile } from '@starling/gguf/node';
import type { ModelEntry } from '../../parts.js';
import { detailsOf, modelInfoOf, type ShownFacts } from './bodies.js';

/**
 * What the header of its file tells of a model that is not loaded; of its abilities only those that show there.
 * @throws StarlingError file_not_found, invalid_model_file
 */
export async function shownFromFile({ name, source }: Pick<ModelEntry, 'name' | 'source'>): Promise<{
  readonly details: object;
  readonly model_info: object;
  readonly capabilities: string[];
  readonly template: string;
}> {
  const file = await openGgufFile(source);
  try {
    const shown = { info: factsOf(file, name) };
    return {
      details: detailsOf(shown),
      model_info: modelInfoOf(shown),
      capabilities: isEncoder(file) ? ['embedding'] : ['completion', 'tools'],
      template: file.string('tokenizer.chat_template') ?? '',
    };
  } finally {
    await file.close();
  }
}

function factsOf(file: GgufModel, name: string): ShownFacts {
  const architecture = file.architecture ?? '';
  const { parameterCount, commonestType } = weightFacts(file);
  const number = (key: string): number => file.number(`${architecture}.${key}`) ?? 0;
  const tokens = file.metadata.get('tokenizer.ggml.tokens');
  return {
    name,
    architecture,
    parameterCount,
    quantization: commonestType,
    contextLength: number('context_length'),
    embeddingLength: number('embedding_length'),
    layerCount: number('block_count'),
    vocabSize: tokens instanceof PackedStrings ? tokens.length : 0,
  };
}

/** Made for vectors: it says how its tokens are pooled, or sees each text as a whole. */
function isEncoder(file: GgufModel): boolean {
  return (
    file.number(`${file.architecture}.pooling_type`) !== undefined ||
    file.boolean(`${file.architecture}.attention.causal`) === false
  );
}
