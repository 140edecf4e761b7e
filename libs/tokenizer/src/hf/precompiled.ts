import { CharsMap } from '../text/chars-map.js';
import { sequenceLength, TEXT_START, utf8Bytes, utf8Text } from '../text/utf8.js';
import type { NormalizedText } from './normalized-text.js';
import { eachRun, type TextEdit } from './text-edit.js';

/** Graphemes of more bytes are only looked up character by character. */
const MAX_GRAPHEME_BYTES = 5;

/** Where graphemes may have more than one character: all but ASCII characters among their like, and line ends of two. */
const STRETCH = /\r\n|[ -~]?(?:[^\0-\x7f]+[ -~]?)+|[\0-\x7f]/gu;

/**
 * SentencePiece's map, applied as the `tokenizers` library does it: a grapheme of up to five bytes takes the replacement of the first entry
 * that it begins with; else each of its characters does.
 */
export function precompiled(base64: string): TextEdit {
  const map = new CharsMap(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const lookUp = (text: string): string | undefined => {
    const bytes = utf8Bytes(text);
    for (let end = 1; end <= bytes.length; end++) {
      if (map.match(bytes, 0, end) > 0)
        return utf8Text(map.replacements.subarray(map.replacementStart, map.replacementEnd));
    }
    return undefined;
  };
  const ofAscii = Array.from({ length: 0x80 }, (_, cp) => lookUp(String.fromCharCode(cp)));
  return (text) => {
    const alignment = new Alignment(text);
    let at = TEXT_START;
    const write = (part: string, replacement: string | undefined, result: NormalizedText): void => {
      const next = at + utf8Bytes(part).length;
      if (replacement === undefined) result.copy(text, at, next);
      else
        for (const character of replacement)
          result.pushCodePoint(character.codePointAt(0) ?? 0, text.starts[at], text.ends[next - 1]);
      alignment.replace(Array.from(part).length, Array.from(replacement ?? part).length);
      at = next;
    };
    const normalize = eachRun(STRETCH, (stretch, _text, _start, _end, result) => {
      const single = stretch.length === 1 ? stretch.charCodeAt(0) : 0x80;
      if (single < 0x80) return write(stretch, ofAscii[single], result);
      const segments = graphemes.segment(stretch);
      for (const { segment } of segments) {
        const whole = utf8Bytes(segment).length <= MAX_GRAPHEME_BYTES ? lookUp(segment) : undefined;
        if (whole !== undefined) write(segment, whole, result);
        else for (const character of segment) write(character, lookUp(character), result);
      }
    });
    const result = normalize(text);
    alignment.markFirst(result);
    return result;
  };
}

/**
 * Which characters the library takes for made of which: it lays the characters of the result against those of the text by how many more or
 * fewer each replacement has, and forgets those that are removed before anything is written.
 */
class Alignment {
  /** For each character of the result, how many more there are for it than in the text. */
  private readonly changes: number[] = [];

  constructor(private readonly text: NormalizedText) {}

  replace(oldCount: number, newCount: number): void {
    for (let i = 0; i < newCount; i++) this.changes.push(i < oldCount ? 0 : 1);
    if (newCount < oldCount && this.changes.length > 0) this.changes[this.changes.length - 1] += newCount - oldCount;
  }

  /** Marks what begins the result as made of the first character, as far as the library takes it for that. */
  markFirst(result: NormalizedText): void {
    const { text } = this;
    let firstCount = 0;
    for (let at = TEXT_START; at < text.firstEnd; at += sequenceLength(text.bytes[at])) firstCount++;
    let position = 0;
    let at = TEXT_START;
    result.firstEnd = TEXT_START;
    for (const change of this.changes) {
      const isFirst = change > 0 ? (position < 1 ? text.opensText : position - 1 < firstCount) : position < firstCount;
      if (!isFirst) return;
      at += sequenceLength(result.bytes[at]);
      result.firstEnd = at;
      position += 1 - change;
    }
  }
}
