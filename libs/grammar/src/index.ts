export { type TokenMask, maskAllows, maskCount } from './match/token-mask.js';
export type { TokenVocabulary } from './match/token-vocabulary.js';
