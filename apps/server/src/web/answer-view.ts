import { highlight } from '../markdown/highlight.js';
import type { Block, Inline, ListItem, TopBlock } from '../markdown/markdown-tree.js';
import { GrowingMarkdown } from '../markdown/parse-markdown.js';
import { button, h, icon } from './dom.js';

interface Shown {
  readonly parser: GrowingMarkdown;
  blocks: readonly TopBlock[];
}

const shown = new WeakMap<HTMLElement, Shown>();

/**
 * Shows an answer as elements. Text only ever becomes text nodes: nothing a model writes is read as HTML. Called again for a text with more
 * behind it, it leaves the elements of what has not changed, so that a selection in them stays.
 */
export function renderAnswer(target: HTMLElement, source: string): void {
  const state = shown.get(target) ?? { parser: new GrowingMarkdown(), blocks: [] };
  shown.set(target, state);
  const blocks = state.parser.update(source);
  let same = 0;
  while (same < blocks.length && same < state.blocks.length && blocks[same].source === state.blocks[same].source)
    same++;
  while (target.children.length > same) target.lastElementChild!.remove();
  target.append(...blocks.slice(same).map(({ block }) => blockView(block)));
  state.blocks = blocks;
}

function blockView(block: Block): HTMLElement {
  switch (block.kind) {
    case 'paragraph':
      return h('p', {}, ...inlines(block.parts));
    case 'heading':
      // The page's own headings stand above those of an answer.
      return h(`h${Math.min(6, block.level + 1) as 2 | 3 | 4 | 5 | 6}`, {}, ...inlines(block.parts));
    case 'code':
      return codeView(block.language, block.text);
    case 'quote':
      return h('blockquote', {}, ...block.blocks.map(blockView));
    case 'list':
      return block.isOrdered
        ? h('ol', { ...(block.start !== 1 && { start: block.start }) }, ...block.items.map(itemView))
        : h('ul', {}, ...block.items.map(itemView));
    case 'table':
      return tableView(block);
    case 'rule':
      return h('hr');
  }
}

/** A lone paragraph of an item is text right in it: lists stay dense. */
function itemView({ blocks, isChecked }: ListItem): HTMLElement {
  const [first, ...rest] = blocks;
  const box =
    isChecked === undefined
      ? undefined
      : h('input', {
          type: 'checkbox',
          disabled: true,
          checked: isChecked,
          'aria-label': isChecked ? 'done' : 'to do',
        });
  if (first?.kind === 'paragraph') return h('li', {}, box, ...inlines(first.parts), ...rest.map(blockView));
  return h('li', {}, box, ...blocks.map(blockView));
}

function tableView({ alignments, header, rows }: Extract<Block, { kind: 'table' }>): HTMLElement {
  const cell = (tag: 'th' | 'td') => (parts: readonly Inline[], i: number) =>
    h(
      tag,
      { ...(alignments[i] && { class: `align-${alignments[i]}` }), ...(tag === 'th' && { scope: 'col' }) },
      ...inlines(parts),
    );
  return h(
    'div',
    { class: 'table', tabindex: 0, role: 'region', 'aria-label': 'Table' },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...header.map(cell('th')))),
      h('tbody', {}, ...rows.map((row) => h('tr', {}, ...row.map(cell('td'))))),
    ),
  );
}

function codeView(language: string, text: string): HTMLElement {
  const code = h(
    'code',
    {},
    ...highlight(text, language).map(({ text: piece, kind }) =>
      kind === undefined ? piece : h('span', { class: `hl-${kind}` }, piece),
    ),
  );
  const copy = button(
    'Copy',
    () =>
      void navigator.clipboard.writeText(text).then(
        () => copy.replaceChildren(icon('check'), 'Copied'),
        () => undefined,
      ),
    { icon: 'copy', showsLabel: true },
  );
  copy.setAttribute('aria-label', 'Copy the code');
  return h(
    'div',
    { class: 'code-block' },
    h('div', { class: 'code-head' }, h('span', {}, language), copy),
    h('pre', { tabindex: 0, role: 'region', 'aria-label': language === '' ? 'Code' : `Code: ${language}` }, code),
  );
}

const inlines = (parts: readonly Inline[]): (Node | string)[] => parts.map(inlineView);

function inlineView(part: Inline): Node | string {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'code':
      return h('code', {}, part.text);
    case 'strong':
      return h('strong', {}, ...inlines(part.parts));
    case 'emphasis':
      return h('em', {}, ...inlines(part.parts));
    case 'deleted':
      return h('del', {}, ...inlines(part.parts));
    case 'link':
      return h(
        'a',
        { href: part.href, title: part.href, target: '_blank', rel: 'noopener noreferrer nofollow' },
        ...inlines(part.parts),
      );
    case 'break':
      return h('br');
  }
}
