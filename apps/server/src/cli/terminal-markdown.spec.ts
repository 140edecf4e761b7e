import fc from 'fast-check';
import { TerminalMarkdown } from './terminal-markdown.js';

const shown = (...pieces: readonly string[]): string => {
  const markdown = new TerminalMarkdown();
  return pieces.map((piece) => markdown.push(piece)).join('') + markdown.end();
};
/** Looks in words. */
const named = (text: string): string => text.replace(/\u001b\[([\d;]*)m/g, (_, codes: string) => `{${codes}}`);

describe('Markdown at the terminal', () => {
  it.each([
    ['a **bold** and *slanted* word', 'a {1}bold{0} and {3}slanted{0} word'],
    ['**bold *both* bold**', '{1}bold {3}both{0}{1} bold{0}'],
    ['code `x * y * z`', 'code {36}x * y * z{0}'],
    ['``a ` b``', '{36}a ` b{0}'],
    ['2 * 3 * 4 and a_b_c', '2 * 3 * 4 and a_b_c'],
    ['~~gone~~', '{9}gone{0}'],
    ['\\*not\\*', '*not*'],
    ['## Title\ntext', '{1;35}Title{0}\ntext'],
    ['- one\n  - two\n1. three', '{33}• {0}one\n  {33}• {0}two\n{33}1. {0}three'],
    ['> said', '{33}> {0}{2;3}said{0}'],
    ['```js\nlet **a**;\n```\nafter', '{2}```js{0}\n{36}let **a**;{0}\n{2}```{0}\nafter'],
    ['````\n```\n````', '{2}````{0}\n{36}```{0}\n{2}````{0}'],
    ['**open\nnext', '{1}open{0}\nnext'],
    ['---\n', '---\n'],
  ])('shows %j', (source, looks) => {
    expect(named(shown(source))).toBe(looks);
  });

  it('holds back only what is not known yet', () => {
    const markdown = new TerminalMarkdown();
    expect(markdown.push('Hello')).toBe('Hello');
    expect(markdown.push(' *')).toBe(' ');
    expect(named(markdown.push('*w'))).toBe('{1}w');
    expect(markdown.push('\n#')).toContain('\n');
    expect(markdown.push('no heading')).toBe('#no heading');
    expect(markdown.end()).toBe('');
  });

  const source = fc.string({
    unit: fc.constantFrom('a', 'b', ' ', '\n', '*', '_', '`', '#', '-', '>', '~', '\\', '1', '.', '\u001b', '[', 'm'),
  });

  it('shows the same however the text is cut, sends nothing but looks, and ends with none', () => {
    fc.assert(
      fc.property(source, fc.array(fc.nat(60)), (text, cuts) => {
        const edges = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const all = shown(text);
        expect(shown(...edges.slice(1).map((end, i) => text.slice(edges[i], end)))).toBe(all);
        const looks = named(all);
        expect(looks).not.toContain('\u001b');
        expect(looks.replace(/\\u001b/g, '').replace(/[^ab]/g, '')).toBe(text.replace(/[^ab]/g, ''));
        const last = [...looks.matchAll(/\{([\d;]*)\}/g)].at(-1);
        if (last) expect(last[1]).toBe('0');
      }),
      { numRuns: 300 },
    );
  });
});
