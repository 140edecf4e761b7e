import { compileGbnf } from '../gbnf/compile-gbnf.js';
import { END, fakeVocabulary, jsonIndex, takes, THINK } from '../match/fake-vocabulary.test-support.js';
import { GrammarIndex } from '../match/grammar-index.js';
import { GrammarMatcher } from '../match/grammar-matcher.js';
import { maskAllows } from '../match/token-mask.js';
import { compileJsonSchema } from '../schema/compile-json-schema.js';
import { lazyGrammar } from './lazy-grammar.js';

const digits = compileGbnf('root ::= [0-9]+');

describe('lazy grammars', () => {
  it('let any text come before the trigger, and hold after it', () => {
    const grammar = lazyGrammar(digits, { triggers: [{ text: 'Answer:' }] });
    for (const text of ['', 'no trigger at all', 'AnsweAnswer:42', 'thinking... 日本 Answer:7', 'Answer'])
      expect([text, takes(grammar, text)]).toEqual([text, true]);
    for (const text of ['Answer:', 'Answer:x', 'Answer:1x', 'Answer:1 Answer:2'])
      expect([text, takes(grammar, text)]).toEqual([text, false]);
  });

  it('can demand the trigger, and can be left and begun again', () => {
    const required = lazyGrammar(digits, { triggers: [{ text: '</think>' }], required: true });
    expect(['', 'hm', '</think>1', 'a</think>12'].map((text) => takes(required, text))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    const again = lazyGrammar(digits, { triggers: [{ text: '#' }], again: true });
    expect(['#1 and #2', '#1', 'a#1b#', '#1b#22 '].map((text) => takes(again, text))).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('begin after the shortest match of a pattern', () => {
    const grammar = lazyGrammar(digits, { triggers: [{ pattern: '<call [a-z]+>' }, { text: '!' }] });
    expect(['<call x>5', '<call >x', 'a!1', 'b!x', '<call abc>x'].map((text) => takes(grammar, text))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('hold within the token that completes the trigger', () => {
    const index = new GrammarIndex(fakeVocabulary(['r:4', 'r:x', 'swe', 'r:42!']));
    const matcher = new GrammarMatcher(lazyGrammar(digits, { triggers: [{ text: 'Answer:' }] }), index);
    for (const char of 'Answe') matcher.advance(char.charCodeAt(0));
    const mask = matcher.mask();
    expect([258, 259, 260, 261, END, THINK, 0x72].map((id) => maskAllows(mask, id))).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
      true,
    ]);
    expect([258, 259, 260, 261].map((id) => matcher.accepts(id))).toEqual([true, false, true, false]);
  });

  it('take a control token as a trigger, by id, by text, or as the token of a text', () => {
    for (const trigger of [{ token: THINK }, { token: '<think>' }, { text: '<think>' }]) {
      const matcher = new GrammarMatcher(
        lazyGrammar(compileJsonSchema({ type: 'integer' }), { triggers: [trigger] }),
        jsonIndex,
      );
      matcher.advance(0x61);
      matcher.advance(THINK);
      expect([matcher.canEnd, matcher.accepts(0x61), matcher.accepts(0x31)]).toEqual([false, false, true]);
    }
  });

  it.each([[[]], [[{ text: '' }]], [[{ pattern: 'a*' }]]])('refuse triggers %j', (triggers) => {
    expect(() => lazyGrammar(digits, { triggers })).toThrow(expect.objectContaining({ code: 'invalid_grammar' }));
  });
});
