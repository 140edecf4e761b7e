import { StarlingError, isStarlingError } from '@starling/core';
import { GrammarIndex, GrammarMatcher, compileGbnf, compileJsonSchema, compileRegex, type Grammar, type JsonSchemaOptions } from '@starling/grammar';
import type { Tokenizer } from '@starling/tokenizer';
import type { ConstraintCompiler } from './constraint.js';
import type { OutputConstraint } from './generate-types.js';

/**
 * How answers follow a schema, of all the ways that are valid: properties in the order of the schema, so that required ones come before
 * others that the model may think of, and no escapes where a character can stand for itself. Models do better with both.
 */
const SCHEMA_STYLE: JsonSchemaOptions = { propertyOrder: 'schema', escapes: 'minimal' };

/** Compiled grammars that are kept, with the masks found for them: those used last. */
const KEPT_GRAMMARS = 64;

/**
 * Compiles the grammars, schemas and expressions of requests for one model. What is asked for again is taken from a cache.
 * @param logitCount ids that the model has logits for; those beyond the vocabulary are never allowed
 */
export function constraintCompiler(tokenizer: Tokenizer, logitCount: number): ConstraintCompiler {
  const kept = new Map<string, Grammar>();
  let index: GrammarIndex | undefined;
  return (constraint) => {
    const key = JSON.stringify([constraint.grammar, constraint.regex, constraint.jsonSchema]);
    const grammar = kept.get(key) ?? compile(constraint);
    // A map keeps the order in which keys were set: the first is the one that was used longest ago.
    kept.delete(key);
    kept.set(key, grammar);
    if (kept.size > KEPT_GRAMMARS) kept.delete(kept.keys().next().value ?? '');
    index ??= new GrammarIndex(vocabularyOf(tokenizer, logitCount));
    return new GrammarMatcher(grammar, index);
  };
}

/** Compiles the one constraint that is given, and names it in errors. */
function compile(constraint: OutputConstraint): Grammar {
  const { grammar, regex, jsonSchema } = constraint;
  try {
    if (grammar !== undefined) return compileGbnf(grammar);
    return regex === undefined ? compileJsonSchema(jsonSchema, SCHEMA_STYLE) : compileRegex(regex);
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    const param = (['grammar', 'regex', 'jsonSchema'] as const).find((name) => constraint[name] !== undefined);
    throw new StarlingError(error.code, error.message, { details: { ...error.details, param }, cause: error });
  }
}

function vocabularyOf(tokenizer: Tokenizer, size: number): ConstructorParameters<typeof GrammarIndex>[0] {
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
