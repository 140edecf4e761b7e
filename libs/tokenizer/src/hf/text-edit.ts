import { codePointAt, sequenceLength, TEXT_START, utf8Text } from '../text/utf8.js';
import { RewrittenText } from '../text/rewritten-text.js';

/** Makes a changed copy of a text. */
export type TextEdit = (text: RewrittenText) => RewrittenText;

/** A copy of a stretch of bytes in which every character comes from its own place. */
export function copyText(bytes: Uint8Array, start: number, end: number): RewrittenText {
  const text = new RewrittenText();
  for (let at = start; at < end; ) {
    const next = Math.min(end, at + sequenceLength(bytes[at]));
    for (let i = at; i < next; i++) text.push(bytes[i], at, next);
    at = next;
  }
  return text;
}

/** An edit that looks at one character at a time and writes what it becomes. */
export function eachCharacter(change: (cp: number, write: (cp: number) => void) => void): TextEdit {
  return (text) => {
    const result = new RewrittenText();
    for (let at = TEXT_START; at < text.length; ) {
      const next = at + sequenceLength(text.bytes[at]);
      const start = text.starts[at];
      const end = text.ends[next - 1];
      change(codePointAt(text.bytes, at), (cp) => result.pushCodePoint(cp, start, end));
      at = next;
    }
    return result;
  };
}

/** A text as a string, with the byte position of each of its UTF-16 units, and of its end. */
export function unitsOf(bytes: Uint8Array, start: number, end: number): { string: string; positions: Uint32Array } {
  const string = utf8Text(bytes.subarray(start, end));
  const positions = new Uint32Array(string.length + 1);
  let unit = 0;
  for (let at = start; at < end; ) {
    const length = sequenceLength(bytes[at]);
    positions[unit++] = at;
    if (length === 4) positions[unit++] = at;
    at += length;
  }
  positions[string.length] = end;
  return { string, positions };
}

/** An edit that replaces stretches of the text: `find` gives them in order, as byte ranges with what takes their place. */
export function replaceRanges(find: (text: RewrittenText) => Iterable<readonly [from: number, to: number, content: string]>): TextEdit {
  return (text) => {
    const result = new RewrittenText();
    let at = TEXT_START;
    const copyTo = (until: number): void => {
      for (; at < until; at++) result.push(text.bytes[at], text.starts[at], text.ends[at]);
    };
    for (const [from, to, content] of find(text)) {
      copyTo(from);
      const start = from < text.length ? text.starts[from] : from > TEXT_START ? text.ends[from - 1] : 0;
      const end = to > from ? text.ends[to - 1] : start;
      for (const character of content) result.pushCodePoint(character.codePointAt(0) ?? 0, start, end);
      at = to;
    }
    copyTo(text.length);
    return result;
  };
}

/** An edit that replaces all matches of a regular expression. */
export function replaceMatches(pattern: RegExp, content: string | ((match: string) => string)): TextEdit {
  return replaceRanges((text) => {
    const { string, positions } = unitsOf(text.bytes, TEXT_START, text.length);
    return Array.from(
      string.matchAll(pattern),
      (match) => [positions[match.index], positions[match.index + match[0].length], typeof content === 'string' ? content : content(match[0])] as const,
    );
  });
}
