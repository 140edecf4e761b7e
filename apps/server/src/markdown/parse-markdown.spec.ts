import fc from 'fast-check';
import { highlight } from './highlight.js';
import type { Block, Inline } from './markdown-tree.js';
import { GrowingMarkdown, parseMarkdown } from './parse-markdown.js';

const blocks = (source: string): Block[] => parseMarkdown(source).map(({ block }) => block);
const text = (value: string): Inline => ({ kind: 'text', text: value });

/** All text of a tree, and all that its links lead to. */
function everything(value: unknown, found = { text: '', links: [] as string[] }): { text: string; links: string[] } {
  if (Array.isArray(value)) for (const one of value as unknown[]) everything(one, found);
  else if (typeof value === 'object' && value !== null) {
    const node = value as Readonly<Record<string, unknown>>;
    if (typeof node.text === 'string') found.text += node.text;
    if (typeof node.href === 'string') found.links.push(node.href);
    for (const inner of Object.values(node)) if (typeof inner === 'object') everything(inner, found);
  }
  return found;
}

describe('the Markdown of answers', () => {
  it('knows paragraphs, headings, rules, emphasis and code', () => {
    expect(blocks('# Hi\none **two *three*** `four` ~~five~~\n\n---\n\n```js title=x\nx < 1\n```\nend')).toEqual([
      { kind: 'heading', level: 1, parts: [text('Hi')] },
      {
        kind: 'paragraph',
        parts: [
          text('one '),
          { kind: 'strong', parts: [text('two '), { kind: 'emphasis', parts: [text('three')] }] },
          text(' '),
          { kind: 'code', text: 'four' },
          text(' '),
          { kind: 'deleted', parts: [text('five')] },
        ],
      },
      { kind: 'rule' },
      { kind: 'code', language: 'js', text: 'x < 1' },
      { kind: 'paragraph', parts: [text('end')] },
    ]);
  });

  it('knows lists in lists, tasks, quotes and tables', () => {
    expect(blocks('3. a\n   - b\n     - c\n4. d')).toMatchObject([
      {
        kind: 'list',
        isOrdered: true,
        start: 3,
        items: [
          {
            blocks: [
              { kind: 'paragraph' },
              { kind: 'list', isOrdered: false, items: [{ blocks: [{}, { kind: 'list' }] }] },
            ],
          },
          { blocks: [{ kind: 'paragraph', parts: [text('d')] }] },
        ],
      },
    ]);
    expect(blocks('- [x] done\n- [ ] open')).toMatchObject([
      { items: [{ isChecked: true, blocks: [{ parts: [text('done')] }] }, { isChecked: false }] },
    ]);
    expect(blocks('> a\n> - b')).toMatchObject([{ kind: 'quote', blocks: [{ kind: 'paragraph' }, { kind: 'list' }] }]);
    expect(blocks('| a | b |\n|:-:|--:|\n| 1<br>2 | `x` |')).toEqual([
      {
        kind: 'table',
        alignments: ['center', 'right'],
        header: [[text('a')], [text('b')]],
        rows: [[[text('1'), { kind: 'break' }, text('2')], [{ kind: 'code', text: 'x' }]]],
      },
    ]);
  });

  it('leads to web and mail addresses alone, and asks for no picture', () => {
    const links = (source: string) => everything(blocks(source)).links;
    expect(
      links(
        '[a](https://a.example/x?y) <https://b.example> https://c.example ![pic](https://d.example/p.png) [m](mailto:a@b.example)',
      ),
    ).toEqual([
      'https://a.example/x?y',
      'https://b.example',
      'https://c.example',
      'https://d.example/p.png',
      'mailto:a@b.example',
    ]);
    for (const href of [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'java&#115;cript:alert(1)',
      'data:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
      '//evil.example',
      '/v1/models',
      '#x',
      'https:',
      'blob:https://x/y',
    ])
      expect(links(`[a](${href}) ![b](${href})`)).toEqual([]);
    expect(everything(blocks('[words](javascript:x)')).text).toBe('words');
  });

  it('shows elements as text, and character references as characters', () => {
    expect(everything(blocks('<script>alert(1)</script>')).text).toBe('<script>alert(1)</script>');
    expect(everything(blocks('a <b onclick=x>c</b> &lt;i&gt; &amp;amp; &#39; &rarr; &constructor;')).text).toBe(
      "a <b onclick=x>c</b> <i> &amp; ' → &constructor;",
    );
    expect(everything(blocks('`&lt;`')).text).toBe('&lt;');
  });

  it('leaves arithmetic and unfinished marks alone, and shows an open fence as code', () => {
    for (const plain of ['2 * 3 * 4 = 24', 'a **b', '`open', 'x_y_z'])
      expect(everything(blocks(plain)).text).toBe(plain);
    expect(blocks('```\nhalf a li')).toEqual([{ kind: 'code', language: '', text: 'half a li' }]);
  });

  it.each([
    ['quotes in quotes', '>'.repeat(20_000)],
    ['lists in lists', '- '.repeat(20_000)],
    ['indented lists', Array.from({ length: 400 }, (_, i) => `${'  '.repeat(i)}- x`).join('\n')],
    ['brackets', '['.repeat(50_000)],
    ['images', '![a]('.repeat(20_000)],
    ['emphasis', '*a _b '.repeat(10_000)],
    ['backticks', Array.from({ length: 500 }, (_, i) => '`'.repeat(i + 1)).join(' ')],
    ['references', `${'[a][b]'.repeat(5000)}\n\n${'[b]: x\n'.repeat(5000)}`],
    ['one long line', 'word '.repeat(200_000)],
    ['angle brackets', '<a '.repeat(30_000)],
  ])('comes to an end with %s, and keeps their text', (_, source) => {
    // Not a matter of speed: squares of these lengths take longer than a test may.
    const { text: kept } = everything(blocks(source));
    expect(kept.length).toBeGreaterThan(0);
  });

  it('keeps the words of any text, and is the same for a text that grew', () => {
    const source = fc.string({
      unit: fc.constantFrom(
        'a',
        'b',
        ' ',
        '\n',
        '\n\n',
        '*',
        '_',
        '`',
        '#',
        '- ',
        '> ',
        '1. ',
        '|',
        '[',
        '](x)',
        '<',
        '>',
        '&',
        '    ',
        '```',
      ),
    });
    fc.assert(
      fc.property(source, fc.array(fc.nat(80), { maxLength: 4 }), (whole, cuts) => {
        const growing = new GrowingMarkdown();
        for (const cut of cuts.sort((x, y) => x - y)) growing.update(whole.slice(0, cut));
        const tree = parseMarkdown(whole);
        expect(
          growing
            .update(whole)
            .map(({ source: one }) => one)
            .join('')
            .replace(/\s/g, ''),
        ).toBe(
          tree
            .map(({ source: one }) => one)
            .join('')
            .replace(/\s/g, ''),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe('code in colours', () => {
  it('is cut into pieces that are the code again', () => {
    const code = 'const a = "x"; // note\nfunction f() { return 12; }';
    const pieces = highlight(code, 'js');
    expect(pieces.map((piece) => piece.text).join('')).toBe(code);
    expect(pieces).toEqual(
      expect.arrayContaining([
        { text: 'const', kind: 'keyword' },
        { text: '"x"', kind: 'string' },
        { text: '// note', kind: 'comment' },
        { text: '12', kind: 'number' },
      ]),
    );
  });

  it('stays in one piece in a language that nobody knows, or when it is too long', () => {
    for (const [code, language] of [
      ['a', 'klingon'],
      ['a', ''],
      ['a', 'constructor'],
      ['a'.repeat(60_000), 'js'],
    ])
      expect(highlight(code, language)).toEqual([{ text: code }]);
  });

  it.each([
    'bash',
    'c',
    'cpp',
    'csharp',
    'css',
    'diff',
    'go',
    'html',
    'java',
    'js',
    'json',
    'kotlin',
    'php',
    'py',
    'python',
    'ruby',
    'rust',
    'sh',
    'shell',
    'sql',
    'swift',
    'ts',
    'tsx',
    'xml',
    'yaml',
    'yml',
  ])('knows %s', (language) => {
    expect(
      highlight('x', language)
        .map((piece) => piece.text)
        .join(''),
    ).toBe('x');
    expect(highlight('"a" 1 /* b */ # c\n-d\n+e <f g="h">', language).length).toBeGreaterThan(1);
  });
});
