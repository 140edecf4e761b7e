import fc from 'fast-check';
import { parseMarkdown, type Block } from './markdown.js';

const textOf = (block: Block): string => {
  if (block.kind === 'code') return block.text;
  const parts = block.kind === 'list' ? block.items.flat() : block.parts;
  return parts.map((part) => part.text).join('');
};

describe('the Markdown of answers', () => {
  it('knows paragraphs, headings, lists and code', () => {
    expect(parseMarkdown('# Hi\none **two** `three`\n\n- a\n- b\n\n```js\nx < 1\n```\nend')).toEqual([
      { kind: 'heading', level: 1, parts: [{ kind: 'text', text: 'Hi' }] },
      { kind: 'paragraph', parts: [{ kind: 'text', text: 'one ' }, { kind: 'strong', text: 'two' }, { kind: 'text', text: ' ' }, { kind: 'code', text: 'three' }] },
      { kind: 'list', ordered: false, items: [[{ kind: 'text', text: 'a' }], [{ kind: 'text', text: 'b' }]] },
      { kind: 'code', language: 'js', text: 'x < 1' },
      { kind: 'paragraph', parts: [{ kind: 'text', text: 'end' }] },
    ]);
  });

  it('shows a fence that is still open as code', () => {
    expect(parseMarkdown('```\nhalf a li')).toEqual([{ kind: 'code', language: '', text: 'half a li' }]);
  });

  it('leaves arithmetic and unfinished marks alone', () => {
    for (const plain of ['2 * 3 * 4 = 24', 'a **b', '`open', 'x_y_z']) expect(parseMarkdown(plain).map(textOf)).toEqual([plain]);
  });

  it('ends for any text, and keeps its words', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '`', '*', '\n', '#', ' ', '-', '1', '.') }), (source) => {
        const letters = (text: string) => text.replace(/[^a]/g, '').length;
        expect(letters(parseMarkdown(source).map((block) => textOf(block) + (block.kind === 'code' ? block.language : '')).join(''))).toBe(letters(source));
      }),
    );
  });
});
