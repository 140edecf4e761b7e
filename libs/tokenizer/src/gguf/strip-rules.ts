import { STRIP_LEFT, STRIP_RIGHT, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { MetadataReader } from './metadata-reader.js';

const MASK_STRIPS_LEFT = {
  preTokenizers: ['jina-v2-de', 'jina-v2-es', 'jina-v2-code'],
  architectures: ['nomic-bert-moe', 'jina-bert-v3'],
};

/**
 * Some special tokens take the white space beside them along. Files do not say which, so it is known by the name of the model, the
 * pre-tokenizer or the architecture.
 * @param partitioned the tokens that text can name
 */
export function applyStripRules(reader: MetadataReader, vocabulary: Vocabulary, partitioned: readonly number[]): void {
  const name = (reader.string('general.name') ?? '').toLowerCase();
  const pre = reader.string('tokenizer.ggml.pre') ?? '';
  const architecture = reader.string('general.architecture') ?? '';
  const mark = (text: string, bit: number, on: boolean): void => {
    const id = vocabulary.idOf(text);
    if (id !== undefined)
      vocabulary.attributes[id] = on ? vocabulary.attributes[id] | bit : vocabulary.attributes[id] & ~bit;
  };
  const { preTokenizers, architectures } = MASK_STRIPS_LEFT;
  if (preTokenizers.some((part) => pre.includes(part)) || architectures.some((part) => architecture.includes(part))) {
    mark('<mask>', STRIP_LEFT, true);
  } else if (name.includes('phi-3') || name.includes('phi3')) {
    for (const id of partitioned) vocabulary.attributes[id] |= STRIP_RIGHT;
    mark('</s>', STRIP_RIGHT, true);
    for (const text of ['<unk>', '<s>', '<|endoftext|>']) mark(text, STRIP_RIGHT, false);
  } else if (name.includes('modern-bert')) {
    mark('[MASK]', STRIP_LEFT, true);
  }
}
