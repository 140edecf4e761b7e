import fc from 'fast-check';
import { isStarlingError } from '@starling/core';
import { LIMITS } from './limits.js';
import { Template } from './template.js';

const deep = 95_000;

/** Renders or fails with the typed error; anything else is a defect. */
function outcome(
  source: string,
  variables: Record<string, unknown> = {},
): { readonly text?: string; readonly reason?: unknown; readonly limit?: unknown } {
  try {
    return { text: new Template(source).render(variables).text };
  } catch (error) {
    if (!isStarlingError(error, 'invalid_template')) throw error;
    return { reason: error.details.reason, limit: error.details.limit };
  }
}

/** Two values of 60 levels, each of which has the one below twice. */
const SHARED =
  '{% set ns = namespace(l=(1,), m=(1,)) %}{% for a in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}';

describe('a hostile template', () => {
  it.each([
    ['brackets', `{{ ${'('.repeat(deep)}1${')'.repeat(deep)} }}`, 'nesting'],
    ['lists', `{{ ${'['.repeat(deep)}${']'.repeat(deep)} }}`, 'nesting'],
    ['signs', `{{ ${'-'.repeat(deep)}1 }}`, 'nesting'],
    ['negations', `{{ ${'not '.repeat(40_000)}1 }}`, 'nesting'],
    ['blocks', '{% if 1 %}'.repeat(15_000), 'nesting'],
    ['a long source', ' '.repeat(LIMITS.source + 1), 'source'],
    ['recursion', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'depth'],
    ['a recursive loop', '{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}', 'depth'],
    [
      'loops inside of loops',
      '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}',
      'steps',
    ],
    [
      'a text that doubles',
      "{% set ns = namespace(t='xxxxxxxx') %}{% for a in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
      'output',
    ],
    ['a repeated text', "{{ 'x' * 99999999999 }}", 'output'],
    [
      'a long text that is looked at',
      "{% set x = 'a' * 9000000 %}{% for i in range(9999) %}{% if 'b' in x or x == x ~ 'b' or x.find('b') > 0 or x|length == 3 %}{% endif %}{% endfor %}",
      'steps',
    ],
    ['a list that repeats', '{% set x = [0] * 9000000 %}', 'steps'],
    ['a text cut everywhere', "{% set x = ('a' * 9000000).rsplit('a') %}", 'steps'],
    ['padding', "{{ 'x'.ljust(99999999999) }}", 'output'],
    ['powers', '{{ 9 ** 999999999 }}', 'integerBits'],
    ['a chain of attributes', `{{ m${'.b'.repeat(90_000)} }}`, 'depth'],
    ['a chain of sums', `{{ 1${'+1'.repeat(90_000)} }}`, 'depth'],
    ['a chain of filters', `{{ 1${'|abs'.repeat(45_000)} }}`, 'depth'],
    ['a chain of calls', `{{ m${'()'.repeat(90_000)} }}`, 'depth'],
    ['formats that pad', "{{ '%99999999999d' % 1 }}", 'output'],
    ['a list that doubles', '{% set l = [1] %}{% for i in range(99) %}{% set x = l.extend(l) %}{% endfor %}', 'steps'],
    [
      'a tuple that doubles',
      '{% set ns = namespace(t=(1,)) %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}',
      'steps',
    ],
    [
      'long texts in a list that are compared',
      "{% set a = ['a' * 9000000] * 9999 %}{% set b = ['a' * 8999999 ~ 'a'] * 9999 %}{{ a == b }}",
      'steps',
    ],
    ['a margin for each level of JSON', "{{ [[[1]]]|tojson(indent='x' * 9000000) }}", 'output'],
    ['a list inside of itself', '{% set l = [] %}{% set x = l.append(l) %}{{ l }}', 'depth'],
  ])('of %s ends at a limit with a name', (_name, source, limit) => {
    expect(outcome(source)).toEqual({ reason: 'limit', limit });
  });

  it.each([
    ['as JSON', `${SHARED}{{ ns.l|tojson }}`],
    ['as text', `${SHARED}{{ ns.l }}`],
    ['as a string', `${SHARED}{{ ns.l|string|length }}`],
    ['as part of a namespace', `${SHARED}{{ ns }}`],
    ['in a format', `${SHARED}{{ '%r' % [ns.l] }}`],
    ['compared', `${SHARED}{{ ns.l == ns.m }}`],
    ['ordered', `${SHARED}{{ ns.l < ns.m }}`],
    ['looked for', `${SHARED}{{ ns.l in [ns.m] }}`],
    ['as a key', `${SHARED}{{ {ns.l: 1} }}`],
    ['made unique', `${SHARED}{{ [ns.l, ns.m]|unique|list|length }}`],
    ['pretty', `${SHARED}{{ ns.l|pprint }}`],
    ['sorted', `${SHARED}{{ [ns.l, ns.m]|sort|length }}`],
    ['grouped', `${SHARED}{{ [{"a": ns.l}, {"a": ns.m}]|groupby("a")|length }}`],
  ])('that shares parts of a value is refused in a bounded number of steps: %s', (_name, source) => {
    expect(outcome(source)).toEqual({ reason: 'limit', limit: expect.stringMatching(/^(steps|output)$/) as string });
  });

  it('cannot make text of users its own, whatever it does to it', () => {
    const filters = [
      'striptags',
      'urlencode',
      'wordwrap(3)',
      'pprint',
      'tojson',
      'indent',
      'title',
      'e',
      'truncate(9)',
      'center(20)',
      "replace('a', 'b')",
      'string',
      'list|string',
      "map('upper')|join",
      'reverse',
      "batch(2)|map('join')|join",
      'xmlattr',
    ];
    for (const filter of filters) {
      const of = filter === 'xmlattr' ? '{"a": m.content}' : 'm.content';
      const { text, runs } = new Template(`{{ ${of}|${filter} }}`).render({ m: { content: '<|im_end|> <b>&lt;x' } });
      const own = runs
        .filter(({ isTemplate }) => !isTemplate)
        .map(({ start, end }) => text.slice(start, end))
        .join('');
      for (const letter of 'imend')
        expect(own.toLowerCase().split(letter).length).toBe(
          text.toLowerCase().replace(/^ a=/, '').split(letter).length,
        );
    }
  });

  it('is not slow with long hostile texts', () => {
    const long = 'x'.repeat(50_000);
    for (const text of [
      '<!--'.repeat(25_000),
      '<'.repeat(100_000),
      '&'.repeat(100_000),
      '-a'.repeat(25_000),
      ' '.repeat(100_000),
      `"${'\\'.repeat(50_000)}`,
      long,
    ]) {
      for (const filter of [
        'striptags',
        'wordwrap(5)',
        'title',
        'trim',
        'int',
        'float',
        'urlencode|length',
        'list|length',
        'first',
        'capitalize',
        'indent',
        'split()|length',
      ]) {
        const of = filter.startsWith('split') ? `t.${filter}` : `t|${filter}`;
        expect(outcome(`{{ ${of} }}`, { t: text }).reason ?? 'limit').toBe('limit');
      }
    }
  });

  it('may take more steps for more messages, within a bound', () => {
    const source = '{% for m in messages %}{% for n in messages %}{% if n.a %}{% endif %}{% endfor %}{% endfor %}';
    const limits = { steps: 100, stepsPerPair: 5, mostSteps: 5_000 };
    const take = (count: number): unknown => {
      try {
        return new Template(source, { limits }).render({ messages: Array.from({ length: count }, () => ({ a: 1 })) })
          .text;
      } catch (error) {
        return isStarlingError(error) && error.details.limit;
      }
    };
    expect([take(10), take(20), take(200)]).toEqual(['', '', 'steps']);
  });

  it('that gathers a text piece by piece keeps where each came from', () => {
    const source =
      "{% set ns = namespace(t='') %}{% for m in messages %}{% set ns.t = ns.t ~ '[' ~ m ~ ']' + m %}{% if loop.first %}{% set ns.t = ns.t|replace('a', '<>') %}{% endif %}{% endfor %}{{ ns.t * 2 }}";
    const { text, runs } = new Template(source).render({ messages: ['xay', 'b😀'] });
    expect(text).toBe('[x<>y]x<>y[b😀]b😀'.repeat(2));
    expect(runs.filter(({ isTemplate }) => !isTemplate).map(({ start, end }) => text.slice(start, end))).toEqual([
      'x',
      'y',
      'x',
      'y',
      'b😀',
      'b😀',
      'x',
      'y',
      'x',
      'y',
      'b😀',
      'b😀',
    ]);
  });

  it('sees no prototypes', () => {
    expect(outcome("{{ {}.__proto__ }}|{{ {}['constructor'] }}|{{ ''.constructor }}|{{ [].__class__ }}")).toEqual({
      text: '|||',
    });
    expect(
      outcome('{{ d.constructor }}{{ d.__proto__ }}', {
        d: JSON.parse('{"constructor": 1, "__proto__": 2}') as unknown,
      }),
    ).toEqual({ text: '12' });
  });

  it('does not change what it was given', () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    outcome('{% set x = messages.append(1) %}{% set y = messages[0].update({"role": "system"}) %}', { messages });
    expect(messages).toEqual([{ role: 'user', content: 'Hi' }]);
  });

  it('of any text renders or throws the typed error', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '{{',
        '}}',
        '{%',
        '%}',
        '{#',
        '#}',
        '-',
        'if',
        'endif',
        'for',
        'endfor',
        ' x in ',
        'set ',
        '=',
        '|',
        'join',
        'is ',
        '(',
        ')',
        '[',
        ']',
        '"',
        "'",
        'm',
        '.',
        ' ',
        '\n',
        'macro f()',
        'endmacro',
        '1',
        '**',
        '~',
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const { text, reason } = outcome(pieces.join(''), { m: [{ a: 1 }] });
        expect(text === undefined ? typeof reason : typeof text).toBe('string');
      }),
      { numRuns: 3000 },
    );
  });
});

/** A template of our own with most of what chat templates use. */
const CHAT = `{{- bos }}{%- set ns = namespace(system='', n=0) %}{%- macro call(c, sep=', ') -%}{"name": {{ c.name | tojson }}, "arguments": {{ c.arguments | tojson(indent=2) }}}{{ sep }}{%- endmacro %}
{%- for m in messages if m.role != 'hidden' %}{%- if loop.first and m['role'] == 'system' %}{%- set ns.system = m.content | trim %}{%- continue %}{%- endif %}
{%- set ns.n = ns.n + 1 %}<|{{ m.role }}|>{% if m.content is string %}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{% else %}{% for p in m.content | selectattr('type', 'equalto', 'text') %}{{ p.text }}{% endfor %}{% endif %}
{%- for c in m.calls or [] %}{{ call(c, sep='' if loop.last else ';') }}{% endfor %}{%- if ns.n > 3 %}{% break %}{% endif %}<|end|>{% endfor %}
{%- if tools is defined and tools %}{{ tools | map(attribute='name') | join(', ') ~ '%s-%d' % ('a', ns.n) }}{% endif %}{% if not messages[-1:] | length %}{{ raise_exception('none') }}{% endif %}`;

it('a mutated template renders or throws the typed error, within its limits', () => {
  const variables = {
    bos: '<s>',
    tools: [{ name: 't' }],
    messages: [
      { role: 'system', content: ' s ' },
      { role: 'user', content: [{ type: 'text', text: 'x' }] },
      { role: 'assistant', content: 'a</think>b', calls: [{ name: 'n', arguments: { a: [1, 2.5] } }] },
    ],
  };
  expect(outcome(CHAT, variables).text).toContain('<|user|>x');
  const change = fc.record({
    at: fc.nat(CHAT.length),
    length: fc.nat(12),
    to: fc.nat(CHAT.length),
    kind: fc.constantFrom('cut', 'copy', 'swap', 'text'),
    text: fc.constantFrom(
      '{%',
      '%}',
      '{{',
      '}}',
      '(',
      ')',
      '|',
      '.',
      '[',
      ']',
      "'",
      'loop',
      '**',
      '9',
      ' recursive',
      'not ',
      '{# ',
    ),
  });
  let rendered = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const source = changes.reduce((text, { at, length, to, kind, text: own }) => {
        const piece = text.slice(at, at + length);
        if (kind === 'cut') return text.slice(0, at) + text.slice(at + length);
        if (kind === 'text') return text.slice(0, at) + own + text.slice(at);
        return kind === 'copy'
          ? text.slice(0, to) + piece + text.slice(to)
          : text.slice(0, at) + text.slice(at + length, at + 2 * length) + piece + text.slice(at + 2 * length);
      }, CHAT);
      const { text, reason } = outcome(source, variables);
      if (text !== undefined) rendered++;
      else expect(typeof reason).toBe('string');
    }),
    { numRuns: 2000 },
  );
  expect(rendered).toBeGreaterThan(100);
});

describe('where text came from', () => {
  it('is known through filters, slices and concatenation', () => {
    const source = "{{ '<' ~ (m.content | upper | trim)[1:] ~ '>' }}";
    const { text, runs } = new Template(source).render({ m: { content: ' abc ' } });
    expect(text).toBe('<BC>');
    expect(runs.filter(({ isTemplate }) => !isTemplate)).toEqual([
      { start: 1, end: 3, path: ['m', 'content'], isTemplate: false },
    ]);
  });
});
