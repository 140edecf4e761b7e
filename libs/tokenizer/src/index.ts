export { tokenizerFromGguf } from './gguf/tokenizer-from-gguf.js';
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
