import { StarlingError } from '@starling/core';
import { GrammarIndex, GrammarMatcher, compileJsonSchema } from '@starling/grammar';
import { byteTokenizer } from '../testing/byte-tokenizer.js';
import { vocabularyOf } from '../constraint-grammar.js';
import { AnswerDrafts } from './answer-drafts.js';

const tokenizer = byteTokenizer();
const bytesOf = (id: number): Uint8Array => tokenizer.tokenBytes(id);
const textOf = (tokens: ArrayLike<number> = []): string => tokenizer.decode(Array.from(tokens));
const schema = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
};

function matcherOf(): GrammarMatcher {
  return new GrammarMatcher(
    compileJsonSchema(schema, { propertyOrder: 'schema', escapes: 'minimal' }),
    new GrammarIndex(vocabularyOf(tokenizer, tokenizer.vocabSize)),
  );
}

describe('AnswerDrafts', () => {
  it('expects what a schema forces, with the white space that the answer has by habit', () => {
    const matcher = matcherOf();
    const drafts = new AnswerDrafts([], {}, matcher, bytesOf);
    const write = (text: string): void => {
      for (const token of tokenizer.encode(text)) {
        matcher.advance(token);
        drafts.push(token);
      }
    };
    expect(textOf(drafts.next(40)?.tokens)).toBe('{"name": "');
    write('{\n  "');
    expect(textOf(drafts.next(40)?.tokens)).toBe('name": "');
    write('name":"Ann');
    expect(drafts.next(40)).toBeUndefined();
    write('"');
    // A comma must come, and after it a space is likely; no space came after the colon.
    expect(textOf(drafts.next(40)?.tokens)).toBe(', "age":');
    expect(textOf(drafts.next(3)?.tokens)).toBe(', "');
  });

  it('expects less of a grammar whose texts do not come as they were guessed', () => {
    const matcher = matcherOf();
    const drafts = new AnswerDrafts([], { lookup: false }, matcher, bytesOf);
    const [before = 0] = Array.from(drafts.next(1)?.chances ?? []);
    for (const space of tokenizer.encode(`\n${' '.repeat(9)}`)) {
      matcher.advance(space);
      drafts.push(space);
      drafts.next(1);
    }
    const [after = 0] = Array.from(drafts.next(1)?.chances ?? []);
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThan(before / 2);
  });

  it('guesses nothing about a grammar that is at its limits, and fails nothing', () => {
    const matcher = matcherOf();
    matcher.forced = () => {
      throw new StarlingError('invalid_grammar', 'too many states');
    };
    const drafts = new AnswerDrafts([1, 2, 3, 4, 1, 2, 3], {}, matcher, bytesOf);
    expect(drafts.next(1)?.tokens).toEqual([4]);
  });

  it('prefers a long repetition, which knows the tokens, and draws on nothing that was switched off', () => {
    const before = tokenizer.encode('{"name": "Ann", "age": 33}\n');
    const matcher = matcherOf();
    const both = new AnswerDrafts(before, {}, matcher, bytesOf);
    const neither = new AnswerDrafts(before, { lookup: false, grammar: false }, matcher, bytesOf);
    for (const token of tokenizer.encode('{"name": "Ann", "')) {
      matcher.advance(token);
      both.push(token);
      neither.push(token);
    }
    expect(textOf(both.next(8)?.tokens)).toBe('age": 33');
    expect(neither.next(8)).toBeUndefined();
    expect(both.next(0)).toBeUndefined();
  });
});
