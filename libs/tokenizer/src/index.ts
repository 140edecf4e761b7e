export { tokenizerFromGguf } from './gguf/tokenizer-from-gguf.js';
export { tokenizerFromJson } from './hf/tokenizer-from-json.js';
export { tokenizerFromVocabAndMerges, type VocabAndMergesOptions } from './hf/vocab-and-merges.js';
export type {
  DecodeOptions,
  EncodeOptions,
  Encoding,
  SpecialTokens,
  StreamingDecoder,
  Tokenizer,
  TokenizerKind,
  VocabularyMetadata,
} from './tokenizer.js';
