export { tokenizerFromJson } from './tokenizer-from-json.js';
export { tokenizerFromVocabAndMerges, type VocabAndMergesOptions } from './vocab-and-merges.js';
