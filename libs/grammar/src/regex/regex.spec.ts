import fc from 'fast-check';
import { isEmpty } from '../automata/algebra.js';
import { isStarlingError } from '@starling/core';
import { parseRegex } from './parse-regex.js';
import { regexDfa } from './regex-dfa.js';

const search = (pattern: string) => regexDfa(parseRegex(pattern), 'search');

/** Patterns as schemas have them; the JavaScript engine is the judge. */
const PATTERNS = [
  '^[a-z]+$',
  'foo',
  '^foo|bar$',
  '^(foo|bar)$',
  '^\\d{3}-\\d{4}$',
  '[^a-z]',
  '^[^\\d\\s]*$',
  'a{2,3}',
  '^a{2,}$',
  '^(ab)*$',
  '^$',
  '',
  '\\bfoo\\b',
  '\\Boo',
  '^\\w+@\\w+\\.(com|org)$',
  '^.$',
  '^[\\w.-]+$',
  '^\\u0041[\\x42-\\x44]$',
  '^\\u{1F600}+$',
  '^\\uD83D\\uDE00$',
  '^\\p{Lu}\\p{Ll}*$',
  '^\\P{L}+$',
  '^[\\p{L}\\d_]+$',
  '\\/',
  '^[]]?$',
  '^(?=.*\\d)(?=.*[a-z]).{2,4}$',
  '^(?!foo).*$',
  '^(?!.*bar)[a-z]{0,5}$',
  '(?=a)b',
  '^(a(?=b)|c)b?$',
  '^(?:a|(?<name>b))c$',
  '^a??b+?c*?$',
  'x(?!y)',
  '^\\cA$',
  '(^a|b$)',
  '$^',
  'a^b',
  '^\\s+$',
  '^[\\b]$',
  '^{a}$',
  '^[a-]$',
  '^[-a]$',
  '^\\-$',
];
const TEXTS = [
  '',
  'a',
  'ab',
  'abab',
  'aa',
  'aaa',
  'aaaa',
  'b',
  'ac',
  'bc',
  'foo',
  'bar',
  'foobar',
  'a foo b',
  'xfoox',
  'foo bar',
  '123-4567',
  'A',
  'AB',
  'AE',
  'Ab',
  'Éa',
  'é',
  '1a',
  'a1',
  'x1yz',
  '12',
  '\n',
  ' ',
  '\u{1F600}',
  '\u{1F600}\u{1F600}',
  '/',
  'me@it.com',
  'a.b-c',
  'cb',
  'c',
  'xy',
  'xz',
  'x',
  '\u0001',
  '\b',
  '{a}',
  '-',
  ']',
  '_9é',
  'aabbcc',
  'abc',
];

describe('regular expressions', () => {
  it.each(PATTERNS)('%s matches what the JavaScript engine matches', (pattern) => {
    const dfa = search(pattern);
    let expression: RegExp;
    try {
      expression = new RegExp(pattern, 'u');
    } catch {
      expression = new RegExp(pattern);
    }
    for (const text of TEXTS) expect([text, dfa.accepts(text)]).toEqual([text, expression.test(text)]);
  });

  it('agrees with the JavaScript engine on random expressions and texts', () => {
    const leaf = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\b', '^', '$', '\\B', '(?=a)', '(?!b)');
    const node: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie('node'), tie('node')).map(([x, y]) => x + y),
        fc.tuple(tie('node'), tie('node')).map(([x, y]) => `(?:${x}|${y})`),
        fc.tuple(tie('node'), fc.constantFrom('*', '?', '{1,2}', '+')).map(([x, q]) => `(?:${x})${q}`),
      ),
    })).node;
    fc.assert(
      fc.property(
        node,
        fc.array(fc.stringMatching(/^[ab \n]{0,6}$/), { minLength: 5, maxLength: 5 }),
        (pattern, texts) => {
          let dfa;
          try {
            dfa = search(pattern);
          } catch (error) {
            return isStarlingError(error, 'invalid_grammar');
          }
          return texts.every((text) => dfa.accepts(text) === new RegExp(pattern, 'u').test(text));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['(a)\\1', 'backreferences'],
    ['(?<=a)b', 'lookbehind'],
    ['(?<!a)b', 'lookbehind'],
    ['(?i:a)', 'group'],
    ['(', 'closed'],
    ['a)', '\\('],
    ['*a', 'repeat'],
    ['[b-a]', 'backwards'],
    ['\\p{Nope}', 'Unicode'],
    ['(?:(?=a)b)*', 'repetition'],
    ['\\q', 'escape'],
    ['a{3,1}', 'fewer'],
  ])('refuses %s and says why', (pattern, reason) =>
    expect(() => search(pattern)).toThrow(
      expect.objectContaining({ code: 'invalid_grammar', message: expect.stringMatching(reason) }),
    ),
  );

  it.each(['(a|b)*a(a|b){20}', '(x{1000}){1000}', `${'('.repeat(500)}${')'.repeat(500)}`])(
    'meets a named limit: %s',
    (pattern) => {
      expect(() => search(pattern)).toThrow(
        expect.objectContaining({
          code: 'invalid_grammar',
          details: expect.objectContaining({ limit: expect.any(String) }),
        }),
      );
    },
  );

  it('ignores case with the flag', () => {
    const dfa = regexDfa(parseRegex('straße[K-L]é', { dotAll: false, ignoreCase: true }), 'full');
    expect(dfa.accepts('STRAßEkÉ')).toBe(true);
    expect(dfa.accepts('STRASSEkÉ')).toBe(false);
  });

  it('knows when nothing matches', () => expect(isEmpty(search('a^b'))).toBe(true));
});
