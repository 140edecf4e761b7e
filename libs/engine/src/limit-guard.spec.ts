import { jest } from '@jest/globals';
import { PackedStrings } from '@starling/core';
import { maskAllows } from '@starling/grammar';
import { tokenizerFromGguf } from '@starling/tokenizer';
import { constraintCompiler } from './compile-constraint.js';
import { jsonEndingOf } from './json-ending.js';
import { LimitGuard } from './limit-guard.js';

/** A vocabulary of printable characters, and an end. */
const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
const vocabulary = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.tokens': PackedStrings.from([...characters, '<end>']),
  'tokenizer.ggml.token_type': Int32Array.from([...characters.map(() => 1), 3]),
  'tokenizer.ggml.merges': PackedStrings.from([]),
  'tokenizer.ggml.eos_token_id': characters.length,
};
const tokenizer = tokenizerFromGguf(new Map<string, unknown>(Object.entries(vocabulary)));
const compile = constraintCompiler(tokenizer, tokenizer.vocabSize);

/** An answer that draws any allowed token, each as likely as the others: it would hardly ever end by itself. */
function ramble(jsonSchema: object, limit: number, random: () => number): string {
  const matcher = compile({ jsonSchema });
  const guard = new LimitGuard(jsonEndingOf(tokenizer));
  let text = '';
  for (let remaining = limit; remaining > 0 && !matcher.isDone; remaining--) {
    const mask = matcher.mask();
    const open = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => maskAllows(mask, id));
    const drawn = open[Math.floor(random() * open.length)];
    const id = guard.choose(matcher, drawn, tokenizer.isEndOfGeneration(drawn), remaining);
    if (tokenizer.isEndOfGeneration(id)) return text;
    matcher.advance(id);
    text += tokenizer.tokenText(id);
  }
  return text;
}

/** Numbers in [0, 1) from a seed (Park and Miller, 1988). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

describe('an answer to a schema', () => {
  it.each([
    ['an open object', { type: 'object' }],
    ['open strings and lists', { type: 'object', properties: { name: { type: 'string' }, tags: { type: 'array', items: { type: 'string', minLength: 2 } } }, required: ['name', 'tags'] }],
    ['numbers', { type: 'array', items: { type: 'number' }, minItems: 3 }],
    ['fixed words', { type: 'object', properties: { color: { enum: ['red', 'green'] }, ok: { const: true } }, required: ['color', 'ok'], additionalProperties: false }],
  ])('with %s is whole within its limit, however the model rambles', (_, schema) => {
    for (let seed = 1; seed <= 40; seed++) expect(() => JSON.parse(ramble(schema, 100, uniform(seed)))).not.toThrow();
  });

  it('is left as drawn when no valid text fits, and far from the limit', () => {
    const schema = { type: 'string', minLength: 50 };
    expect(ramble(schema, 20, uniform(3))).toHaveLength(20);
    const ending = jsonEndingOf(tokenizer);
    const plan = jest.spyOn(ending, 'plan');
    new LimitGuard(ending).choose(compile({ jsonSchema: schema }), 0, false, 1000);
    expect(plan).not.toHaveBeenCalled();
    plan.mockRestore();
  });
});
