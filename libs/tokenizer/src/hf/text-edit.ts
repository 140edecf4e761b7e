import { codePointAt, sequenceLength, TEXT_START } from '../text/utf8.js';
import type { NormalizedText } from './normalized-text.js';
import { tile } from './tile.js';
import { unitsOf } from './units.js';

/** Makes a changed copy of a text. */
export type TextEdit = (text: NormalizedText) => NormalizedText;

/** An edit that looks at one character at a time: what it becomes, itself for one that stays, nothing for one that goes. */
export function eachCharacter(change: (cp: number) => number | readonly number[] | undefined): TextEdit {
  return (text) => {
    const result = text.successor();
    for (let at = TEXT_START; at < text.length; ) {
      const next = at + sequenceLength(text.bytes[at]);
      const cp = codePointAt(text.bytes, at);
      const changed = change(cp);
      if (changed === cp) result.copy(text, at, next);
      else if (changed !== undefined) result.write(typeof changed === 'number' ? [changed] : changed, text, at, next);
      at = next;
    }
    return result;
  };
}

/** An edit that changes the matches of a regular expression: `change` writes what takes the place of `text[start, end)`, never empty. */
export function eachRun(
  pattern: RegExp,
  change: (run: string, text: NormalizedText, start: number, end: number, result: NormalizedText) => void,
): TextEdit {
  return (text) => {
    const { string, positionOf } = unitsOf(text.bytes, TEXT_START, text.length);
    const result = text.successor();
    let last = TEXT_START;
    for (const match of string.matchAll(pattern)) {
      const start = positionOf(match.index);
      const end = positionOf(match.index + match[0].length);
      if (end === start) continue;
      result.copy(text, last, start);
      change(match[0], text, start, end, result);
      last = end;
    }
    result.copy(text, last, text.length);
    return result;
  };
}

/** An edit that puts `content` in the place of each match of a regular expression, also of one of nothing. */
export function replaceMatches(pattern: RegExp, content: string): TextEdit {
  const cps = Array.from(content, (character) => character.codePointAt(0) ?? 0);
  return (text) => {
    if (text.length === TEXT_START) return text;
    const result = text.successor();
    for (const { start, end, matched } of tile(pattern, text.bytes, TEXT_START, text.length)) {
      if (!matched) {
        result.copy(text, start, end);
        continue;
      }
      const from = start < text.length ? text.starts[start] : text.ends[start - 1];
      const to = end > start ? text.ends[end - 1] : from;
      for (const cp of cps) result.pushCodePoint(cp, from, to);
      // The library takes the last character of a match for what the content was made of.
      if (cps.length > 0 && (end > TEXT_START ? text.isFirst(end - 1) : text.opensText)) result.markFirst();
    }
    return result;
  };
}

/** An edit that puts `content` in front of a text, if there is any. */
export function prependContent(content: string): TextEdit {
  return (text) => {
    if (text.length === TEXT_START) return text;
    const result = text.successor();
    writePrefix(content, text, TEXT_START, result);
    result.copy(text, TEXT_START, text.length);
    return result;
  };
}

/** Writes what goes in front of the character at `at`: it comes from no character of the text. */
export function writePrefix(content: string, text: NormalizedText, at: number, result: NormalizedText): void {
  for (const character of content)
    result.pushCodePoint(character.codePointAt(0) ?? 0, text.starts[at], text.starts[at]);
  if (content !== '' && text.isFirst(at)) result.markFirst();
}
