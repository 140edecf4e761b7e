import type { MarkdownOptions } from 'vitepress';

type CodeTransformer = NonNullable<MarkdownOptions['codeTransformers']>[number];
type CodeTheme = Exclude<NonNullable<MarkdownOptions['theme']>, string | { readonly light: unknown }>;

/** What is told apart in code, by the scopes of TextMate grammars. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  comment: ['comment', 'punctuation.definition.comment'],
  string: ['string', 'punctuation.definition.string', 'markup.inline.raw'],
  constant: ['constant', 'support.constant', 'variable.language', 'constant.numeric'],
  keyword: ['keyword', 'storage', 'storage.type', 'punctuation.definition.template-expression'],
  function: ['entity.name.function', 'support.function', 'meta.function-call'],
  type: [
    'entity.name.type',
    'entity.name.class',
    'support.type',
    'support.class',
    'entity.name.tag',
    'support.type.property-name.json',
  ],
};

const names = Object.keys(KINDS);
const colourOf = (index: number): string => `#00000${index + 1}`;

/** Colours that only stand for kinds: pages have classes in their place. */
export const codeTheme: CodeTheme = {
  name: 'starling',
  type: 'light',
  fg: '#000000',
  bg: '#ffffff',
  settings: names.map((name, i) => ({ scope: [...KINDS[name]], settings: { foreground: colourOf(i) } })),
};

/**
 * Colours code by classes (`hl-keyword`), whose colours stand in the theme's style sheet: no element has a style of its own, which a content policy
 * would have to allow.
 */
export const codeClasses: CodeTransformer = {
  name: 'code-classes',
  span(node) {
    const index = names.findIndex((_, i) =>
      String(node.properties.style ?? '')
        .toLowerCase()
        .includes(colourOf(i)),
    );
    delete node.properties.style;
    if (index >= 0) this.addClassToHast(node, `hl-${names[index]}`);
  },
  pre(node) {
    delete node.properties.style;
  },
};
