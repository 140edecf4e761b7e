import { Str } from './str.js';

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' };

/** Text as HTML shows it; what is marked as HTML stays. */
export function escapedHtml(text: Str): Str {
  return text.isMarkup ? text : text.replaceEach(/[&<>'"]/g, (char) => HTML[char]).as(true);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

/** The text of HTML: without comments and tags, white space as single spaces, the common entities as their characters. */
export function textOfHtml(text: Str): Str {
  const { text: units } = text;
  const parts: Str[] = [];
  let position = 0;
  for (let at = units.indexOf('<'); at >= 0; at = units.indexOf('<', position)) {
    const isComment = units.startsWith('<!--', at);
    const close = isComment ? units.indexOf('-->', at) : units.indexOf('>', at);
    if (close < 0) break;
    parts.push(text.slice(position, at));
    position = close + (isComment ? 3 : 1);
  }
  parts.push(text.slice(position));
  const words = Str.join(parts).replaceEach(/\s+/g, () => ' ');
  const start = words.text.startsWith(' ') ? 1 : 0;
  const end = words.text.length - (words.text.length > start && words.text.endsWith(' ') ? 1 : 0);
  return words
    .slice(start, end)
    .plain()
    .replaceEach(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{1,31}));/g, entityText);
}

function entityText(entity: string): string {
  const name = entity.slice(1, -1);
  if (!name.startsWith('#')) return Object.hasOwn(NAMED, name) ? NAMED[name] : entity;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : '\ufffd';
}
