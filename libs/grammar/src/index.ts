export { atOnce } from './automata/at-once.js';
export { compileGbnf, gbnfSteps } from './gbnf/compile-gbnf.js';
export { compileRegex, type RegexOptions } from './regex/compile-regex.js';
export { checkSchemaValues } from './schema/check-values.js';
export { compileJsonSchema, jsonSchemaSteps, type JsonSchemaOptions } from './schema/compile-json-schema.js';
export { lazyGrammar, type LazyOptions, type Trigger } from './lazy/lazy-grammar.js';
export {
  compileToolCalls,
  frameGrammar,
  toolCallSteps,
  type AnswerFrame,
  type Tool,
  type ToolCallOptions,
} from './tools/compile-tool-calls.js';
export { TOOL_CALL_FORMATS, type ToolCallFormatName } from './tools/tool-call-format.js';
export {
  ANY_WORD,
  ARGUMENT_NAME,
  LOOSE,
  TOOL_NAME,
  type AnswerFormat,
  type CallBody,
  type CallFormat,
  type CallId,
  type JsonBody,
  type JsonField,
  type JsonType,
  type LiteralBody,
  type Marker,
  type NamedJsonBody,
  type ReasoningStart,
  type TaggedBody,
  type ValueStart,
  type ValueWords,
} from './tools/answer-format.js';
export { typesOfArgument } from './tools/argument-types.js';
export { Grammar } from './machine/grammar.js';
export { buildTokenTrie, type TokenTrie } from './match/token-trie.js';
export { GrammarIndex } from './match/grammar-index.js';
export { GrammarMatcher, matcherSteps } from './match/grammar-matcher.js';
export type { SpaceHabit } from './match/forced-bytes.js';
export { type TokenMask, maskAllows, maskCount } from './match/token-mask.js';
export type { TokenVocabulary } from './match/token-vocabulary.js';
export { LIMITS, type LimitName } from './limits.js';
export {
  AutomatonMemory,
  automataOf,
  compileWith,
  compileWithin,
  type AutomatonData,
  type MadeAutomata,
} from './automata/compilation.js';
export { packAutomata, unpackSteps, type PackedAutomata } from './automata/packed-automata.js';
