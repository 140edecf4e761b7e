import type { Str } from '../values/str.js';

/** Python's white space, which has more than JavaScript's. */
const SPACE = /[\s\u001c-\u001f\u0085]/;

/** Without characters at its ends: white space, or any of `chars`. */
export function stripped(text: Str, side: 'both' | 'left' | 'right', chars?: string): Str {
  const set = chars === undefined ? undefined : new Set(chars);
  const goes = (char: string): boolean => (set ? set.has(char) : SPACE.test(char));
  const units = text.text;
  let start = 0;
  let end = units.length;
  if (side !== 'right') while (start < end && goes(units[start])) start++;
  if (side !== 'left') while (end > start && goes(units[end - 1])) end--;
  return text.slice(start, end);
}

/** Pieces between separators, the first `limit` of which count. */
export function splitAt(text: Str, separator: string, limit: number): Str[] {
  const parts: Str[] = [];
  let from = 0;
  for (
    let at = text.text.indexOf(separator);
    at >= 0 && parts.length < limit;
    at = text.text.indexOf(separator, from)
  ) {
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  return [...parts, text.slice(from)];
}

/** How often a text holds another, one behind the other, up to a limit. */
export function countOf(text: string, wanted: string, limit: number): number {
  let count = 0;
  for (let at = text.indexOf(wanted); at >= 0 && count < limit; at = text.indexOf(wanted, at + wanted.length)) count++;
  return count;
}

/** The same from the end. */
export function splitAtRight(text: Str, separator: string, limit: number): Str[] {
  const parts: Str[] = [];
  let to = text.text.length;
  while (parts.length < limit) {
    const at = to < separator.length ? -1 : text.text.lastIndexOf(separator, to - separator.length);
    if (at < 0) break;
    parts.push(text.slice(at + separator.length, to));
    to = at;
  }
  parts.push(text.slice(0, to));
  return parts.reverse();
}

/** Words between white space; the rest after `limit` of them stays whole. */
export function splitWords(text: Str, limit: number): Str[] {
  const parts: Str[] = [];
  let rest = stripped(text, 'left');
  while (rest.text !== '') {
    const end = parts.length < limit ? rest.text.search(SPACE) : -1;
    if (end < 0) {
      parts.push(rest);
      break;
    }
    parts.push(rest.slice(0, end));
    rest = stripped(rest.slice(end), 'left');
  }
  return parts;
}

export function splitWordsRight(text: Str, limit: number): Str[] {
  const parts: Str[] = [];
  let rest = stripped(text, 'right');
  while (rest.text !== '') {
    if (parts.length >= limit) {
      parts.push(rest);
      break;
    }
    let start = rest.text.length;
    while (start > 0 && !SPACE.test(rest.text[start - 1])) start--;
    parts.push(rest.slice(start));
    rest = stripped(rest.slice(0, start), 'right');
  }
  return parts.reverse();
}

const LINE_END = /\r\n|[\n\r\v\f\u001c-\u001e\u0085\u2028\u2029]/g;

/** Lines, as Python's `splitlines` knows them. */
export function linesOf(text: Str, keepEnds: boolean): Str[] {
  const lines: Str[] = [];
  let from = 0;
  for (const match of text.text.matchAll(LINE_END)) {
    const end = match.index + match[0].length;
    lines.push(text.slice(from, keepEnds ? end : match.index));
    from = end;
  }
  return from < text.text.length ? [...lines, text.slice(from)] : lines;
}

/** Letters that stand for two have a form of their own for the beginning of words. */
const TITLE: Readonly<Record<string, string>> = {
  Ǆ: 'ǅ',
  ǅ: 'ǅ',
  ǆ: 'ǅ',
  Ǉ: 'ǈ',
  ǈ: 'ǈ',
  ǉ: 'ǈ',
  Ǌ: 'ǋ',
  ǋ: 'ǋ',
  ǌ: 'ǋ',
  Ǳ: 'ǲ',
  ǲ: 'ǲ',
  ǳ: 'ǲ',
};

export function upperFirst(text: string): string {
  const [first = ''] = text;
  if (Object.hasOwn(TITLE, first)) return TITLE[first] + text.slice(first.length);
  // A ligature becomes two letters, of which the first is the capital.
  const [capital = '', ...others] = first.toUpperCase();
  return capital + others.join('').toLowerCase() + text.slice(first.length);
}

/** The first character in upper case, whatever that comes to, and the rest in lower case. */
export function upperFull(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Text for comparisons without case: letters that stand for two come apart. */
export function caseFolded(text: string): string {
  return text
    .replaceAll('ς', 'σ')
    .replaceAll('ſ', 's')
    .replace(/\p{L}/gu, (char) =>
      char.toUpperCase().length > char.length ? char.toUpperCase().toLowerCase() : char.toLowerCase(),
    );
}

/** Upper case for each letter behind what is no letter, lower case for the others. */
export function titled(text: string): string {
  return text.replace(/\p{L}[\p{L}\p{M}]*/gu, (word) => upperFirst(word.toLowerCase()));
}
