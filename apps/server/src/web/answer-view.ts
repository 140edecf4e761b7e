import { parseMarkdown, type Block, type Inline } from './markdown.js';

/** Shows an answer as elements. Text only ever becomes text nodes: nothing a model writes is read as HTML. */
export function renderAnswer(target: HTMLElement, source: string): void {
  target.replaceChildren(...parseMarkdown(source).map(renderBlock));
}

function renderBlock(block: Block): HTMLElement {
  switch (block.kind) {
    case 'code':
      return element('pre', element('code', block.text));
    case 'heading':
      return element(`h${Math.min(4, block.level + 1)}`, ...block.parts.map(renderInline));
    case 'list':
      return element(block.ordered ? 'ol' : 'ul', ...block.items.map((parts) => element('li', ...parts.map(renderInline))));
    case 'paragraph':
      return element('p', ...block.parts.map(renderInline));
  }
}

const INLINE_TAGS = { code: 'code', strong: 'strong', emphasis: 'em' } as const;

function renderInline(part: Inline): Node {
  return part.kind === 'text' ? document.createTextNode(part.text) : element(INLINE_TAGS[part.kind], part.text);
}

/** An element with children. */
export function element(tag: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}
