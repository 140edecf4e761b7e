import { Str } from '../values/str.js';
import { linesOf } from './text.js';

/** Each line behind the first with a margin; blank lines stay as they are unless told otherwise. */
export function indented(text: Str, margin: Str, withFirst: boolean, withBlank: boolean): Str {
  const lines = linesOf(Str.join([text, new Str('\n')]), false);
  const parts: Str[] = [];
  lines.forEach((line, i) => {
    if (i > 0) parts.push(new Str('\n'));
    const isBlank = line.text === '';
    if (i === 0 ? withFirst : withBlank || !isBlank) parts.push(margin);
    parts.push(line);
  });
  return Str.join(parts);
}

const UTF8 = new TextEncoder();

/** @param forQuery a space is a plus there, and a slash is no part of a path */
export function urlEncoded(text: Str, forQuery: boolean): Str {
  return text.replaceEach(/[^\w.~-]+/g, (part) =>
    Array.from(UTF8.encode(part), (byte) => encodedByte(byte, forQuery)).join(''),
  );
}

function encodedByte(byte: number, forQuery: boolean): string {
  const char = String.fromCharCode(byte);
  if (forQuery ? char === ' ' : char === '/') return forQuery ? '+' : char;
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
