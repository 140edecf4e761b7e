import { StarlingError } from '@starling/core';
import { TokenRenderer } from '../decode/token-renderer.js';
import { SpecialPartition } from '../model/special-partition.js';
import type { Tokenizer, VocabularyMetadata } from '../tokenizer.js';
import { VocabularyTokenizer } from '../vocabulary-tokenizer.js';
import { completeSpecialTokens } from '../vocabulary/special-tokens.js';
import { applyStripRules } from './strip-rules.js';
import { readFamily } from './families.js';
import { MetadataReader } from './metadata-reader.js';
import { readSpecialTokens } from './read-special-tokens.js';
import { partitionedTokens, readVocabulary } from './read-vocabulary.js';

/**
 * The tokenizer that the metadata of a GGUF file describes.
 * @throws StarlingError `invalid_vocabulary` for missing or inconsistent metadata, `unsupported_model` for a family or pre-tokenizer that is not known
 */
export function tokenizerFromGguf(metadata: VocabularyMetadata): Tokenizer {
  const reader = new MetadataReader(metadata);
  const model = reader.string('tokenizer.ggml.model');
  if (model === undefined) {
    throw new StarlingError(
      'invalid_vocabulary',
      'the file has no vocabulary (tokenizer.ggml.model is missing), so text cannot be made from it: convert the model again with its tokenizer, or take a file that has one',
      { details: { key: 'tokenizer.ggml.model' } },
    );
  }
  const family = readFamily(model, reader);
  const vocabulary = readVocabulary(reader, family.canonicalize);
  const draft = readSpecialTokens(reader, family, vocabulary.size);
  // Control tokens are marked before the model is made, which leaves them out of what it makes text of.
  const special = completeSpecialTokens(vocabulary, draft);
  const tokenModel = family.createModel(vocabulary, draft);
  const partitioned = partitionedTokens(vocabulary);
  applyStripRules(reader, vocabulary, partitioned);
  return new VocabularyTokenizer({
    kind: family.kind,
    vocabulary,
    model: tokenModel,
    special,
    partition: new SpecialPartition(vocabulary, partitioned),
    renderer: new TokenRenderer(vocabulary, family.notation),
    ...family.surroundings(special),
    stripsSpace: family.stripsSpace,
    cleansSpaces: family.kind === 'wordpiece',
  });
}
