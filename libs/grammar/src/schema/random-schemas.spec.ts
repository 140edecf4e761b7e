import { isStarlingError } from '@starling/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { jsonIndex, randomSource, takes } from '../match/fake-vocabulary.test-support.js';
import type { Grammar } from '../machine/grammar.js';
import { compileJsonSchema } from './compile-json-schema.js';
import { RandomSchemas } from './random-schema.test-support.js';
import { randomWalk } from './random-walk.test-support.js';

const SCHEMAS = 120;
const VALUES = 25;

interface Judged {
  readonly value: unknown;
  readonly valid: boolean;
}

/** The grammar; undefined where it is refused. For a schema said to have no value, no value may be valid. */
function compiled(schema: unknown, judged: readonly Judged[]): Grammar | undefined {
  try {
    return compileJsonSchema(schema);
  } catch (error) {
    if (!isStarlingError(error, 'invalid_grammar')) throw error;
    if (error.message.includes('no finite'))
      expect([schema, judged.filter(({ valid }) => valid)]).toEqual([schema, []]);
    return undefined;
  }
}

/** The verdict of the validator; none where it throws, which it does on some properties nested in not. */
function judge(validate: (value: unknown) => boolean, value: unknown): Judged[] {
  try {
    return [{ value, valid: validate(value) }];
  } catch {
    return [];
  }
}

it('agrees with an independent validator on random schemas, values and walks, and refuses few', () => {
  const ajv = new Ajv2020({ strict: false, ownProperties: true });
  let enforced = 0;
  for (let number = 0; number < SCHEMAS; number++) {
    const random = randomSource(number);
    const source = new RandomSchemas(random);
    const schema = source.schema(3);
    const text = JSON.stringify(schema);
    // The validator lets empty arrays pass contains beside prefixItems.
    if (text.includes('"contains"') && text.includes('"prefixItems"')) continue;
    const validate = ajv.compile(schema as object);
    const judged = Array.from({ length: VALUES }, () => source.value(2)).flatMap((value) => judge(validate, value));
    const grammar = compiled(schema, judged);
    if (!grammar) continue;
    enforced++;
    const wrong = judged.filter(({ value, valid }) => takes(grammar, JSON.stringify(value)) !== valid);
    if (wrong.length > 0) expect([text, wrong]).toEqual([text, []]);
    const endings = judged.filter(({ valid }) => valid).map(({ value }) => JSON.stringify(value));
    if (endings.length === 0) continue;
    const walk = randomWalk(grammar, jsonIndex, number, 8, endings);
    for (const { valid } of judge(validate, JSON.parse(walk))) expect([text, walk, valid]).toEqual([text, walk, true]);
  }
  expect(enforced).toBeGreaterThan(SCHEMAS * 0.75);
});
