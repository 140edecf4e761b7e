import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { GrammarMatcher } from '../match/grammar-matcher.js';
import { byteIndex, jsonIndex, randomSource, takes, tokenize } from '../match/fake-vocabulary.test-support.js';
import type { Grammar } from '../machine/grammar.js';
import { ANY_TYPE, NUMBERS, STRINGS } from '../../test/schema-cases/any-type.table.js';
import { ARRAYS } from '../../test/schema-cases/arrays.table.js';
import type { SchemaCase } from '../../test/schema-cases/case.js';
import { COMBINED, DRAFT_7 } from '../../test/schema-cases/combined.table.js';
import { FORMATS } from '../../test/schema-cases/formats.table.js';
import { LOGIC, REFERENCES } from '../../test/schema-cases/logic.table.js';
import { OBJECTS } from '../../test/schema-cases/objects.table.js';
import { compileJsonSchema } from './compile-json-schema.js';
import { randomWalk, shuffleKeys } from './random-walk.test-support.js';

const CASES: readonly SchemaCase[] = [
  ...ANY_TYPE,
  ...NUMBERS,
  ...STRINGS,
  ...FORMATS,
  ...ARRAYS,
  ...OBJECTS,
  ...LOGIC,
  ...REFERENCES,
  ...COMBINED,
  ...DRAFT_7,
];
const WALKS = 10_000;
const WALK_TOKENS = 14;

const validators = {
  modern: new Ajv2020({ strict: false, ownProperties: true }),
  draft7: new Ajv({ strict: false, ownProperties: true }),
};
for (const ajv of Object.values(validators))
  addFormats.default(ajv as unknown as Parameters<typeof addFormats.default>[0]);

function validatorOf(schema: unknown): (value: unknown) => boolean {
  const isDraft7 = JSON.stringify(schema).includes('draft-07');
  // Schemas of different cases may have the same $id.
  const ajv = isDraft7 ? validators.draft7 : validators.modern;
  ajv.removeSchema();
  return ajv.compile(schema as boolean | object);
}

function takesTokens(grammar: Grammar, ids: readonly number[]): boolean {
  const matcher = new GrammarMatcher(grammar, jsonIndex);
  return ids.every((id) => matcher.accepts(id) && (matcher.advance(id), true)) && matcher.canEnd;
}

describe('JSON Schema', () => {
  it('has at least 300 schemas from the sections of the specification', () =>
    expect(CASES.length).toBeGreaterThanOrEqual(300));

  const walksEach = Math.ceil(WALKS / CASES.length);
  it.each(CASES.map((one, i) => [i, JSON.stringify(one[0]).slice(0, 160), one] as const))(
    '%i %s',
    (number, _name, [schema, valid, invalid]) => {
      const isValid = validatorOf(schema);
      const grammar = compileJsonSchema(schema);
      const random = randomSource(number);
      const wrong: unknown[] = [...valid.filter((value) => !isValid(value)), ...invalid.filter(isValid)].map(
        (value) => ['the validator disagrees', value],
      );
      for (const value of valid) {
        for (const text of [
          JSON.stringify(value),
          JSON.stringify(value, null, 2),
          ` ${JSON.stringify(shuffleKeys(value, random), null, '\t')}`,
        ]) {
          const ids = tokenize(jsonIndex, text, (choices) => Math.floor(random() * choices));
          if (!takes(grammar, text) || !takesTokens(grammar, ids)) wrong.push(['not taken', text]);
        }
      }
      for (const value of invalid) if (takes(grammar, JSON.stringify(value))) wrong.push(['taken', value]);
      const endings = valid.map((value) => JSON.stringify(value));
      for (let walk = 0; walk < walksEach; walk++) {
        const text = randomWalk(grammar, jsonIndex, number * 1000 + walk, WALK_TOKENS, endings);
        if (!isValid(JSON.parse(text))) wrong.push(['walked', text]);
      }
      expect(wrong).toEqual([]);
    },
  );
});

describe('the nearest end', () => {
  it.each<[string, object, string]>([
    [
      'items that have to differ',
      { type: 'array', uniqueItems: true, items: { enum: ['a', 'bb', 'ccc'] }, minItems: 3, maxItems: 3 },
      '',
    ],
    [
      'more of such items',
      { type: 'array', uniqueItems: true, items: { enum: ['a', 'bb', 'ccc'] }, minItems: 3, maxItems: 3 },
      '["bb',
    ],
    [
      'keys that have to differ',
      {
        type: 'object',
        minProperties: 3,
        propertyNames: { pattern: '^[ab]{1,2}$' },
        additionalProperties: { type: 'integer' },
      },
      '',
    ],
    [
      'more of such keys',
      {
        type: 'object',
        minProperties: 3,
        propertyNames: { pattern: '^[ab]{1,2}$' },
        additionalProperties: { type: 'integer' },
      },
      '{"a',
    ],
  ])('is found with %s', (_, schema, begun) => {
    const matcher = new GrammarMatcher(compileJsonSchema(schema), byteIndex);
    const bytes = [...Buffer.from(begun)];
    for (const byte of bytes) matcher.advance(byte);
    const ending = matcher.ending(200);
    const value = JSON.parse(Buffer.from([...bytes, ...(ending ?? []).filter((id) => id < 256)]).toString()) as object;
    expect(new Set(Array.isArray(value) ? value : Object.keys(value)).size).toBe(3);
  });
});
