import { Lexer, type MarkedToken, type Token, type Tokens } from 'marked';
import type { Block, Inline, ListItem, TopBlock } from './markdown-tree.js';

/** Blocks and emphasis inside each other, at most; what is deeper is shown as it was written. */
const MAX_DEPTH = 24;
/** A longer piece of text without an empty line is shown as it stands: no person wrote it, and reading it takes too long. */
const MAX_PIECE = 100_000;
/** Lines that begin with more quote marks, or more list marks, than anybody means. */
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])){32,}/m;
/** More brackets or stars in a row than anybody means: looking for their partners takes a time that grows with the square. */
const TOO_MANY = /[[*_~`!<(]{200,}/;

/**
 * The blocks of a Markdown text. Nothing of it is HTML to anybody: elements in it are text, addresses other than `http:`, `https:` and `mailto:`
 * are no links, and pictures are links, so that showing a text asks no host for anything.
 */
export function parseMarkdown(source: string): TopBlock[] {
  return lex(source.replace(/\r\n?/g, '\n')).flatMap((token) => {
    const [block] = blocksOf([token], 0);
    return block === undefined ? [] : [{ source: token.raw, block }];
  });
}

/**
 * Parses a text that grows: what stood before its last blocks is not read again.
 */
export class GrowingMarkdown {
  #source = '';
  #blocks: readonly TopBlock[] = [];
  /** How much of the source the kept blocks are made of. */
  #tops: readonly { readonly end: number; readonly blocks: number }[] = [];

  /** The blocks of the text, which may be the last one with more behind it. */
  update(source: string): readonly TopBlock[] {
    const text = source.replace(/\r\n?/g, '\n');
    // The last two may still become something else: a paragraph a table or a heading, a list a longer one.
    const kept = text.startsWith(this.#source) ? this.#tops.slice(0, -3) : [];
    const { end = 0, blocks = 0 } = kept.at(-1) ?? {};
    const made = [...this.#blocks.slice(0, blocks)];
    const tops = [...kept];
    let at = end;
    for (const token of lex(text.slice(end))) {
      const [block] = blocksOf([token], 0);
      if (block !== undefined) made.push({ source: token.raw, block });
      tops.push({ end: (at += token.raw.length), blocks: made.length });
    }
    this.#source = text;
    this.#blocks = made;
    this.#tops = tops;
    return made;
  }
}

/** The lexer's tokens; one paragraph for what it cannot take. */
function lex(text: string): Token[] {
  const plain = (): Token[] => [
    { type: 'paragraph', raw: text, text, tokens: [{ type: 'text', raw: text, text, escaped: true }] },
  ];
  if (TOO_DEEP.test(text) || TOO_MANY.test(text) || text.split(/\n{2,}/).some((piece) => piece.length > MAX_PIECE))
    return plain();
  try {
    return new Lexer({ gfm: true }).lex(text);
  } catch {
    // It recurses where texts nest.
    return plain();
  }
}

function blocksOf(tokens: readonly Token[], depth: number): Block[] {
  if (depth > MAX_DEPTH)
    return [{ kind: 'paragraph', parts: [{ kind: 'text', text: tokens.map(({ raw }) => raw).join('') }] }];
  return tokens.flatMap((token) => blockOf(token as MarkedToken, depth) ?? []);
}

function blockOf(token: MarkedToken, depth: number): Block | undefined {
  switch (token.type) {
    case 'space':
    case 'def':
      return undefined;
    case 'heading':
      return { kind: 'heading', level: token.depth, parts: inlinesOf(token.tokens, depth) };
    case 'code':
      return { kind: 'code', language: /^[^\s{]*/.exec(token.lang ?? '')?.[0] ?? '', text: token.text };
    case 'blockquote':
      return { kind: 'quote', blocks: blocksOf(token.tokens, depth + 1) };
    case 'list':
      return {
        kind: 'list',
        isOrdered: token.ordered,
        start: token.start === '' ? 1 : token.start,
        items: token.items.map((item) => itemOf(item, depth + 1)),
      };
    case 'table':
      return {
        kind: 'table',
        alignments: token.align.map((align) => align ?? undefined),
        header: token.header.map((cell) => inlinesOf(cell.tokens, depth)),
        rows: token.rows.map((row) => row.map((cell) => inlinesOf(cell.tokens, depth))),
      };
    case 'hr':
      return { kind: 'rule' };
    case 'paragraph':
    case 'text':
      return { kind: 'paragraph', parts: inlinesOf('tokens' in token && token.tokens ? token.tokens : [token], depth) };
    default:
      return { kind: 'paragraph', parts: inlinesOf([token], depth) };
  }
}

function itemOf({ tokens, task, checked }: Tokens.ListItem, depth: number): ListItem {
  return {
    blocks: blocksOf(
      tokens.filter(({ type }) => type !== 'checkbox'),
      depth,
    ),
    ...(task && { isChecked: checked === true }),
  };
}

function inlinesOf(tokens: readonly Token[], depth: number): Inline[] {
  if (depth > MAX_DEPTH) return [{ kind: 'text', text: tokens.map(({ raw }) => raw).join('') }];
  return tokens.flatMap((token) => inlineOf(token as MarkedToken, depth));
}

const EMPHASIS = { strong: 'strong', em: 'emphasis', del: 'deleted' } as const;

function inlineOf(token: MarkedToken, depth: number): Inline[] {
  switch (token.type) {
    case 'text':
      return 'tokens' in token && token.tokens
        ? inlinesOf(token.tokens, depth)
        : [{ kind: 'text', text: token.escaped ? token.text : decoded(token.text) }];
    case 'escape':
      return [{ kind: 'text', text: token.text }];
    case 'codespan':
      return [{ kind: 'code', text: token.text }];
    case 'strong':
    case 'em':
    case 'del':
      return [{ kind: EMPHASIS[token.type], parts: inlinesOf(token.tokens, depth + 1) }];
    case 'br':
      return [{ kind: 'break' }];
    case 'link':
      return link(token.href, inlinesOf(token.tokens, depth + 1));
    case 'image':
      return link(token.href, [{ kind: 'text', text: token.text === '' ? token.href : token.text }]);
    case 'html':
      return /^<br\s*\/?>$/i.test(token.raw.trim()) ? [{ kind: 'break' }] : [{ kind: 'text', text: token.raw }];
    case 'checkbox':
      return [];
    default:
      return [{ kind: 'text', text: token.raw }];
  }
}

/** A link, or its text alone where it leads nowhere that a text may lead. */
function link(href: string, parts: readonly Inline[]): Inline[] {
  const address = decoded(href);
  if (!/^(https?:\/\/|mailto:)/i.test(address) || !URL.canParse(address)) return [...parts];
  return [{ kind: 'link', href: address, parts }];
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  mdash: '—',
  ndash: '–',
  hellip: '…',
  copy: '©',
  times: '×',
  rarr: '→',
};

/** The few character references that models write. */
function decoded(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,6}));/gi,
    (whole, decimal: string | undefined, hex: string | undefined, name: string | undefined) => {
      if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : whole;
      const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : whole;
    },
  );
}
