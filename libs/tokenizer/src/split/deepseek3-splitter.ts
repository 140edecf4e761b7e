import { charClasses, LETTER, MARK, PUNCTUATION, SYMBOL, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import { classAt, isAsciiLetter, runOf } from './char-run.js';
import { spaceWithLineEnds } from './cl100k-splitter.js';
import type { Splitter } from './splitter.js';

const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;
const LETTERS = LETTER | MARK;
const SIGNS = PUNCTUATION | SYMBOL;

/**
 * The words of DeepSeek V3 and its heirs: an ASCII sign with the ASCII letters behind it; letters with one character before them that is no
 * sign; signs with a space before and line ends after them; white space as cl100k has it. What is none of these (digits, mostly, which an
 * earlier stage has cut) stays together.
 */
export class Deepseek3Splitter implements Splitter {
  private readonly classes = charClasses();

  next(bytes: Uint8Array, start: number, end: number): number {
    let at = this.match(bytes, start, end);
    if (at > start) return at;
    at = start + sequenceLength(bytes[start]);
    while (at < end && this.match(bytes, at, end) === at) at += sequenceLength(bytes[at]);
    return at;
  }

  /** Where the word that starts at `start` ends, or `start` if none does. */
  private match(bytes: Uint8Array, start: number, end: number): number {
    const { classes } = this;
    const lead = bytes[start];
    const kind = classes[lead < 0x80 ? lead : codePointAt(bytes, start)];
    const second = start + sequenceLength(lead);
    if (lead < 0x80 && (kind & SIGNS) !== 0) {
      let at = second;
      while (at < end && isAsciiLetter(bytes[at])) at++;
      if (at > second) return at;
    }
    const mayLead = lead !== CR && lead !== LF && (kind & (LETTER | SIGNS)) === 0;
    if (mayLead && second < end && (classAt(classes, bytes, second) & LETTERS) !== 0)
      return runOf(classes, LETTERS, bytes, second, end);
    if ((kind & LETTERS) !== 0) return runOf(classes, LETTERS, bytes, second, end);
    const from = lead === SPACE && second < end ? second : start;
    if ((classAt(classes, bytes, from) & SIGNS) !== 0) {
      let at = runOf(classes, SIGNS, bytes, from, end);
      while (at < end && (bytes[at] === LF || bytes[at] === CR)) at++;
      return at;
    }
    return (kind & WHITE_SPACE) === 0 ? start : spaceWithLineEnds(classes, bytes, start, end);
  }
}
