import { TemplateFailure } from '../error.js';

const ESCAPE = /\\(?:\n|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([\s\S]))/gu;
const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The text of a string literal: Python's escapes, and as there unknown ones stay as they are written. */
export function unescaped(literal: string, at: number): string {
  if (!literal.includes('\\')) return literal;
  return literal.replace(
    ESCAPE,
    (whole: string, hex2?: string, hex4?: string, hex8?: string, octal?: string, other?: string) => {
      const hex = hex2 ?? hex4 ?? hex8;
      if (hex !== undefined) return character(Number.parseInt(hex, 16), whole, at);
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      if (other === undefined) return '';
      if (other === 'x' || other === 'u' || other === 'U')
        throw new TemplateFailure('syntax', `truncated \\${other} escape`, at);
      if (other === 'N')
        throw new TemplateFailure(
          'syntax',
          'characters by name (\\N) are not supported: write the character, or \\u and its number',
          at,
        );
      return Object.hasOwn(SIMPLE, other) ? SIMPLE[other] : whole;
    },
  );
}

function character(code: number, escape: string, at: number): string {
  if (code > 0x10ffff) throw new TemplateFailure('syntax', `illegal Unicode character ${escape}`, at);
  return String.fromCodePoint(code);
}
