export { compileGbnf } from './gbnf/compile-gbnf.js';
export { compileRegex, type RegexOptions } from './regex/compile-regex.js';
export { compileJsonSchema, type JsonSchemaOptions } from './schema/compile-json-schema.js';
export { Grammar } from './machine/grammar.js';
export { GrammarIndex } from './match/grammar-index.js';
export { GrammarMatcher } from './match/grammar-matcher.js';
export { type TokenMask, maskAllows, maskCount } from './match/token-mask.js';
export type { TokenVocabulary } from './match/token-vocabulary.js';
export { LIMITS, type LimitName } from './limits.js';
