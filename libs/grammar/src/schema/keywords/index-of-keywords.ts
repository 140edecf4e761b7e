import type { Keyword } from '../keyword-context.js';
import { arrayKeywords } from './arrays.js';
import { allOf, anyOf, conditional, not, oneOf, reference } from './logic.js';
import { dependenciesKeyword, dependentRequired, dependentSchemas, objectKeywords, propertyNames } from './objects.js';
import { constKeyword, enumKeyword, numberKeywords, typeKeyword } from './simple.js';
import { formatKeyword, stringKeywords } from './strings.js';
import { unevaluatedItems, unevaluatedProperties } from './unevaluated.js';

/** Every keyword that is enforced, and what works it out; keywords that belong together share one function. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ['$ref', reference('$ref')],
  ['$dynamicRef', reference('$dynamicRef')],
  ['$recursiveRef', reference('$recursiveRef')],
  ['type', typeKeyword],
  ['nullable', typeKeyword],
  ['enum', enumKeyword],
  ['const', constKeyword],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'].map((name): [string, Keyword] => [
    name,
    numberKeywords,
  ]),
  ...['minLength', 'maxLength', 'pattern'].map((name): [string, Keyword] => [name, stringKeywords]),
  ['format', formatKeyword],
  ...[
    'prefixItems',
    'items',
    'additionalItems',
    'contains',
    'minContains',
    'maxContains',
    'minItems',
    'maxItems',
    'uniqueItems',
  ].map((name): [string, Keyword] => [name, arrayKeywords]),
  ...['properties', 'patternProperties', 'additionalProperties', 'required', 'minProperties', 'maxProperties'].map(
    (name): [string, Keyword] => [name, objectKeywords],
  ),
  ['propertyNames', propertyNames],
  ['dependentRequired', dependentRequired],
  ['dependentSchemas', dependentSchemas],
  ['dependencies', dependenciesKeyword],
  ['unevaluatedProperties', unevaluatedProperties],
  ['unevaluatedItems', unevaluatedItems],
  ['allOf', allOf],
  ['anyOf', anyOf],
  ['oneOf', oneOf],
  ['not', not],
  ...['if', 'then', 'else'].map((name): [string, Keyword] => [name, conditional]),
]);
