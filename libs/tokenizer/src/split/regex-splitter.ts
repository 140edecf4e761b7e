import { charClasses, LETTER, MARK, NUMBER, PUNCTUATION, SYMBOL, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import type { Splitter } from './splitter.js';

/** Characters that stand for a whole class beyond ASCII, as the reference's engine collapses them. */
const STAND_INS: readonly (readonly [number, number])[] = [
  [NUMBER, 0xd1],
  [LETTER, 0xd2],
  [PUNCTUATION, 0xd3],
  [MARK, 0xd4],
  [SYMBOL, 0xd5],
];
const OTHER = 0xd0;
const VERTICAL_TAB = 0x0b;

const CLASS_BODIES: Readonly<Record<string, string>> = {
  N: '\\xd10-9',
  L: '\\xd2A-Za-z',
  P: '\\xd3!-#%-*,-/:-;?-@\\[-\\]_\\{\\}',
  M: '\\xd4',
  S: '\\xd5$+<=>\\^`|~',
};

/**
 * Cuts with a regular expression in the reference's own way: each match is a piece, and so is what lies between matches. With a class
 * like \p{L} in it, every character beyond ASCII is first replaced by one that stands for its class.
 */
export class RegexSplitter implements Splitter {
  private readonly pattern: RegExp;
  private readonly collapses: boolean;
  private ends: number[] = [];
  private at = 0;

  constructor(source: string) {
    this.collapses = source.includes('\\p{');
    this.pattern = this.collapses ? new RegExp(collapseClasses(source), 'g') : new RegExp(asciiSpaces(source), 'gu');
  }

  begin(bytes: Uint8Array, start: number, end: number): void {
    const classes = charClasses();
    const positions: number[] = [];
    let text = '';
    for (let i = start; i < end; i += sequenceLength(bytes[i])) {
      const character = String.fromCodePoint(this.standIn(classes, codePointAt(bytes, i)));
      for (let unit = 0; unit < character.length; unit++) positions.push(i);
      text += character;
    }
    positions.push(end);
    this.ends = [];
    this.at = 0;
    let last = start;
    for (const match of text.matchAll(this.pattern)) {
      const from = positions[match.index];
      const to = positions[match.index + match[0].length];
      if (from > last) this.ends.push(from);
      if (to > from) this.ends.push(to);
      last = to;
    }
    if (last < end) this.ends.push(end);
  }

  next(_bytes: Uint8Array, start: number): number {
    while (this.ends[this.at] <= start) this.at++;
    return this.ends[this.at];
  }

  private standIn(classes: Uint8Array, cp: number): number {
    if (cp < 0x80) return cp;
    if ((classes[cp] & WHITE_SPACE) !== 0) return VERTICAL_TAB;
    if (!this.collapses) return cp;
    return STAND_INS.find(([bits]) => (classes[cp] & bits) !== 0)?.[1] ?? OTHER;
  }
}

/** White space is ASCII's alone here; the rest has been replaced. */
function asciiSpaces(source: string): string {
  return source
    .replaceAll(/(\[[^\]]*)?\\s/g, (_all, open: string | undefined) =>
      open === undefined ? '[\\t-\\r ]' : `${open}\\t-\\r `,
    )
    .replaceAll('\\S', '[^\\t-\\r ]');
}

/** Writes \p{...} out as the ASCII members of the class and its stand-in. */
function collapseClasses(source: string): string {
  let inside = false;
  let result = '';
  for (let i = 0; i < source.length; i++) {
    const escaped = source[i - 1] === '\\';
    if (source[i] === '[' && !escaped) inside = true;
    if (source[i] === ']' && !escaped) inside = false;
    const found = source[i] === '\\' ? /^\\p\{([NLPMS])[a-z]?\}/.exec(source.slice(i, i + 8)) : null;
    if (found) {
      result += inside ? CLASS_BODIES[found[1]] : `[${CLASS_BODIES[found[1]]}]`;
      i += found[0].length - 1;
    } else result += source[i];
  }
  return result;
}
