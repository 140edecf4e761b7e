import { jest } from '@jest/globals';
import fc from 'fast-check';
import { Nfa } from '../automata/nfa.js';
import { maskAllows } from '../match/token-mask.js';
import { GrammarIndex } from '../match/grammar-index.js';
import { GrammarMatcher, matcherSteps } from '../match/grammar-matcher.js';
import {
  byteIndex,
  END,
  fakeVocabulary,
  jsonIndex,
  randomSource,
  takes,
  THINK,
} from '../match/fake-vocabulary.test-support.js';
import { compileGbnf } from './compile-gbnf.js';

const JSON_GRAMMAR = `
# any JSON value
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::= "[" ws (value ("," ws value)*)? "]" ws
string ::= "\\"" ([^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\\n" [ \\t]{0,20}
`;

describe('GBNF', () => {
  it.each<[string, string[], string[]]>([
    ['root ::= "a"', ['a'], ['', 'b', 'aa']],
    ['root ::= "a" | "bc"', ['a', 'bc'], ['b', 'abc']],
    ['root ::= [a-c]+ "-" [^a-c]{2}', ['a-xy', 'abc-12'], ['-xy', 'a-x', 'a-ax', 'd-xy']],
    ['root ::= "ab"*', ['', 'ab', 'abab'], ['a', 'aba']],
    ['root ::= ("a" | "b"){2,3}', ['ab', 'bbb'], ['a', 'abab']],
    ['root ::= "x"{ 2 , }', ['xx', 'xxxx'], ['x']],
    ['root ::= "x"{3}', ['xxx'], ['xx', 'xxxx']],
    ['root ::= "x"{0,2}', ['', 'x', 'xx'], ['xxx']],
    ['root ::= a-b_c1 # comment "not read\na-b_c1 ::= "x" (\n # inside\n "y"\n)', ['xy'], ['x']],
    ['root ::= "a" |\n  "b"', ['a', 'b'], ['ab']],
    ['root ::= "a"\n  | "b" # c\n\n  # d\n| s\ns ::= "c"\n  | "d"', ['a', 'b', 'c', 'd'], ['ab', '', 'cd']],
    ['root ::= "a"+? "b"*+ "c"??', ['', 'aabbc'], ['cc', 'ba']],
    ['root ::= .', ['a', 'é', '😀', '\n'], ['', 'ab']],
    ['root ::= [é日-本]+', ['é', '日本'], ['e']],
    ['root ::= "\\x41\\u00e9\\U0001F600\\t\\"\\\\" [\\]\\-a]', ['Aé😀\t"\\]', 'Aé😀\t"\\-'], ['A']],
    ['root ::= [a-]+', ['a-'], ['b']],
    ['\ufeffroot ::= "a"', ['a'], ['\ufeffa', 'b']],
    ['root ::= s\ns ::= "(" s ")" s | ""', ['', '()', '(())()'], ['(', ')(']],
    ['root ::= e\ne ::= t ("+" t)*\nt ::= [0-9]+ | "(" e ")"', ['1+2', '(1+(2))+3'], ['1+', '(1']],
    ['root ::= p\np ::= "a" p "a" | "b" p "b" | "c"', ['c', 'abcba'], ['ab', 'abcab']],
    ['root ::= dead | "a"\ndead ::= "x" dead', ['a'], ['x']],
    ['root ::= ("x"{400}){12} "y"', ['x'.repeat(4800) + 'y'], ['x'.repeat(4799) + 'y', 'x'.repeat(4801)]],
    ['root ::= "a"? "b"?? ("c"+)?', ['', 'ab', 'bccc'], ['ba']],
  ])('%s', (text, good, bad) => {
    const grammar = compileGbnf(text);
    for (const one of good) expect([one, takes(grammar, one)]).toEqual([one, true]);
    for (const one of bad) expect([one, takes(grammar, one)]).toEqual([one, false]);
  });

  it('takes JSON as the reference grammar describes it', () => {
    const grammar = compileGbnf(JSON_GRAMMAR);
    const plain = (_key: string, value: unknown): unknown =>
      typeof value === 'number' ? Math.trunc(value % 1000) : value;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (json) =>
        takes(grammar, JSON.stringify({ key: json }, plain).replaceAll('\u007f', '')),
      ),
      { numRuns: 100 },
    );
    expect(takes(grammar, '{"a": [1, 2.5e3 , true], "b": {"c\\u00e9": "x"}}')).toBe(true);
    expect(takes(grammar, '{"a" [1]}')).toBe(false);
  });

  it.each<[string, RegExp]>([
    ['start ::= "a"', /no rule named root/],
    ['root ::= missing', /line 1, column 10: the rule missing is not defined/],
    ['root ::= "a', /never closed/],
    ['root ::= [a', /never closed/],
    ['root ::= ("a"', /expected '\)'/],
    ['root = "a"', /::=/],
    ['root ::= "\\q"', /unknown escape/],
    ['root ::= * "a"', /nothing to repeat/],
    ['root ::= "a"{3,2}', /fewer times/],
    ['root ::= "a"{x}', /expected a number/],
    ['root ::= [b-a]', /backwards/],
    ['root ::= root "a" | "b"', /left recursion/],
    ['root ::= ws root | "b"\nws ::= " "*', /left recursion/],
    ['root ::= "a" root', /never end/],
    ['root ::= a\na ::= "x" b\nb ::= "y" a', /never end/],
    ['root ::= "a" )', /expected the end of the line/],
    ['root ::= !x', /expected a token/],
    ['root ::= []', /empty/],
    [`root ::= ${'('.repeat(300)}"a"${')'.repeat(300)}`, /nested/],
    ['root ::= ((("a"?){300}){300}){300}', /needs more than/],
  ])('refuses %s', (text, message) => {
    expect(() => compileGbnf(text)).toThrow(
      expect.objectContaining({ code: 'invalid_grammar', message: expect.stringMatching(message) }),
    );
  });

  it('matches tokens by id and by text, whatever their bytes', () => {
    const matcher = new GrammarMatcher(compileGbnf('root ::= <think> !<[120]>* <[120]> "ok" .*'), byteIndex);
    expect(matcher.mask().words.reduce((sum, word) => sum + (word === 0 ? 0 : 1), 0)).toBe(1);
    for (const id of [THINK, 97, 98, THINK, 120, 111, 107, 33]) {
      expect(maskAllows(matcher.mask(), id)).toBe(true);
      matcher.advance(id);
    }
    expect(matcher.canEnd).toBe(true);
    expect(() => new GrammarMatcher(compileGbnf('root ::= <nope>'), byteIndex).mask()).toThrow(
      expect.objectContaining({ code: 'invalid_grammar' }),
    );
    expect(() => new GrammarMatcher(compileGbnf('root ::= <[99999]>'), byteIndex).mask()).toThrow(
      expect.objectContaining({ code: 'invalid_grammar' }),
    );
  });

  it('gives masks that allow exactly the tokens that are accepted', () => {
    const item: fc.Arbitrary<string> = fc.letrec<{ item: string }>((tie) => ({
      item: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('"a"', '"b"', '"ab"', '[ab]', '[^a]', '"é"', '"\\""', 'r1', 'r2', 'r2'),
        fc.tuple(tie('item'), tie('item')).map(([x, y]) => `${x} ${y}`),
        fc.tuple(tie('item'), tie('item')).map(([x, y]) => `(${x} | ${y})`),
        fc.tuple(tie('item'), fc.constantFrom('*', '?', '{1,2}')).map(([x, q]) => `(${x})${q}`),
      ),
    })).item;
    let compiled = 0;
    const index = new GrammarIndex(
      fakeVocabulary([
        'ab',
        'aab',
        'abab',
        'ba',
        'bb',
        'a"',
        '"a',
        'éa',
        'aé',
        [0xc3],
        [0xa9, 0x61],
        '""',
        'abé"',
        'bbb',
        'aaa',
      ]),
    );
    fc.assert(
      fc.property(item, item, item, fc.integer(), (root, r1, r2, seed) => {
        let grammar;
        try {
          grammar = compileGbnf(`root ::= ${root}\nr1 ::= "a" (${r1}) "b" | "b"\nr2 ::= (${r2}) | "a" r2 | ""`);
        } catch {
          return;
        }
        compiled++;
        const random = randomSource(seed);
        const matcher = new GrammarMatcher(grammar, index);
        for (let step = 0; step < 8; step++) {
          const mask = matcher.mask();
          const allowed = Array.from({ length: index.vocabulary.size }, (_, id) => id).filter((id) =>
            maskAllows(mask, id),
          );
          const accepted = Array.from({ length: index.vocabulary.size }, (_, id) => id).filter((id) =>
            matcher.accepts(id),
          );
          expect(allowed).toEqual(accepted);
          expect(allowed.length).toBeGreaterThan(0);
          const next = allowed[Math.floor(random() * allowed.length)];
          if (next === END) break;
          matcher.advance(next);
        }
      }),
      { numRuns: 150 },
    );
    expect(compiled).toBeGreaterThan(50);
  });

  it('follows ambiguous grammars without a list of stacks', () => {
    const matcher = new GrammarMatcher(
      compileGbnf('root ::= a\na ::= "x" a b | "x" a c | "x" a | "y"\nb ::= "z" b?\nc ::= "z" c?'),
      jsonIndex,
    );
    for (const char of `${'x'.repeat(60)}y${'z'.repeat(100)}`) matcher.advance(char.charCodeAt(0));
    expect(matcher.canEnd).toBe(true);
    expect(maskAllows(matcher.mask(), 'z'.charCodeAt(0))).toBe(true);
  });

  it('makes few states of long chains of rules that mention the next one twice, in small steps, once', () => {
    const count = 5_000;
    const states = jest.spyOn(Nfa.prototype, 'state');
    const made = () => states.mock.calls.splice(0).length;
    try {
      const grammar = compileGbnf(
        [
          'root ::= q0',
          ...Array.from({ length: count }, (_, i) => `q${i} ::= q${i + 1} | q${i + 1} "x"`),
          `q${count} ::= "a"`,
        ].join('\n'),
      );
      const steps = Array.from(matcherSteps(grammar), made);
      expect(Math.max(...steps)).toBeLessThan(1_000);
      const all = steps.reduce((sum, one) => sum + one, 0);
      expect(all).toBeGreaterThan(count);
      expect(all).toBeLessThan(200_000);
      const matcher = new GrammarMatcher(grammar, byteIndex);
      matcher.advance(97);
      expect([matcher.canEnd, matcher.fork().accepts(120), matcher.accepts(97)]).toEqual([true, true, false]);
      expect(made()).toBe(0);
    } finally {
      states.mockRestore();
    }
  });

  it('makes masks, and looks for ends, with a stop after each reading', () => {
    const names = Array.from({ length: 300 }, (_, i) => `r${i}`);
    const recursive = (name: string, i: number): string =>
      `${name} ::= "${String.fromCharCode(97 + (i % 20))}" ${name} | "z" "y"{${i + 40}} "x"`;
    const matcher = new GrammarMatcher(
      compileGbnf([`root ::= ${names.join(' | ')}`, ...names.map(recursive)].join('\n')),
      byteIndex,
    );
    const same = matcher.fork();
    expect([...matcher.maskSteps()].length).toBeGreaterThanOrEqual(names.length);
    expect(matcher.mask()).toEqual(same.mask());
    // What was found is kept.
    expect([...matcher.maskSteps()]).toHaveLength(0);
    expect([...matcher.endingSteps(100)].length).toBeGreaterThan(10);
    expect(matcher.ending(100)).toHaveLength(42);
  });

  it('is done when nothing but the end can follow, and forks go their own way', () => {
    const matcher = new GrammarMatcher(compileGbnf('root ::= "ab" | "ac" "d"?'), byteIndex);
    matcher.advance(97);
    const other = matcher.fork();
    matcher.advance(98);
    expect([matcher.isDone, matcher.canEnd]).toEqual([true, true]);
    other.advance(99);
    expect([other.isDone, other.canEnd]).toEqual([false, true]);
    other.advance(END);
    expect([other.isDone, other.accepts(100), other.accepts(END)]).toEqual([true, false, true]);
    expect(() => matcher.advance(97)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('refuses to give a mask that allows nothing', () => {
    const noLetters = { ...fakeVocabulary(), isControl: (id: number) => id >= 97 };
    const matcher = new GrammarMatcher(compileGbnf('root ::= "-" "a"'), new GrammarIndex(noLetters));
    matcher.advance(45);
    expect(() => matcher.mask()).toThrow(expect.objectContaining({ code: 'invalid_grammar' }));
  });
});
