import { StarlingError } from '@starling/core';
import {
  atOnce,
  compileRegex,
  frameGrammar,
  gbnfSteps,
  jsonSchemaSteps,
  matcherSteps,
  toolCallSteps,
  type Grammar,
  type JsonSchemaOptions,
  type TokenVocabulary,
} from '@starling/grammar';
import type { Tokenizer } from '@starling/tokenizer';
import type { OutputConstraint } from './generate-types.js';

/**
 * How answers follow a schema, of all the ways that are valid: properties in the order of the schema, so that required ones come before
 * others that the model may think of, and no escapes where a character can stand for itself. Models do better with both.
 */
const SCHEMA_STYLE: JsonSchemaOptions = { propertyOrder: 'schema', escapes: 'minimal' };

/** Compiles a constraint, which takes the longer the more it holds. @throws StarlingError invalid_grammar */
export const grammarOf = (constraint: OutputConstraint): Grammar => atOnce(grammarSteps(constraint));

/** The same with stops on the way. */
function* grammarSteps(constraint: OutputConstraint): Generator<undefined, Grammar> {
  const { toolCalls, grammar, regex, jsonSchema, frame } = constraint;
  const isJson = jsonSchema !== undefined && grammar === undefined && regex === undefined;
  const content = yield* contentSteps(constraint);
  const holdsCalls = toolCalls !== undefined && (content === undefined || toolCalls.choice !== 'none');
  if (holdsCalls) return yield* toolCallSteps(toolCalls.tools, { ...SCHEMA_STYLE, ...toolCalls, content, isJson });
  if (content === undefined)
    throw new StarlingError('invalid_request', 'no grammar, schema, expression or tools are given');
  return frame === undefined || grammar !== undefined ? content : frameGrammar(content, { ...frame, isJson });
}

/** The same, together with what answers come to first: parts of a grammar are otherwise made when an answer is at them. */
export function* preparedGrammarSteps(constraint: OutputConstraint): Generator<undefined, Grammar> {
  const grammar = yield* grammarSteps(constraint);
  yield* matcherSteps(grammar);
  return grammar;
}

function* contentSteps({ grammar, regex, jsonSchema }: OutputConstraint): Generator<undefined, Grammar | undefined> {
  if (grammar !== undefined) return yield* gbnfSteps(grammar);
  if (regex !== undefined) return compileRegex(regex);
  return jsonSchema === undefined ? undefined : yield* jsonSchemaSteps(jsonSchema, SCHEMA_STYLE);
}

/** A model's vocabulary as grammars see it. @param size ids that the model has logits for; those beyond the vocabulary are never allowed */
export function vocabularyOf(tokenizer: Tokenizer, size: number): TokenVocabulary {
  const { vocabSize } = tokenizer;
  const nothing = new Uint8Array();
  return {
    size,
    bytesOf: (id) => (id < vocabSize ? tokenizer.tokenBytes(id) : nothing),
    isControl: (id) => id >= vocabSize || tokenizer.isControl(id),
    isEndOfGeneration: (id) => id < vocabSize && tokenizer.isEndOfGeneration(id),
    idOf: (text) => tokenizer.idOf(text),
  };
}
