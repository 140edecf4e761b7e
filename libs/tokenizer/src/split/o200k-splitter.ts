import { charClasses, LETTER, MARK, NUMBER, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import { spaceWithLineEnds } from './cl100k-splitter.js';
import { classAt, isAsciiLetter, runOfNot } from './char-run.js';
import { contractionLength } from './contraction.js';
import type { Splitter } from './splitter.js';

const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;
const SLASH = 0x2f;
const ORDINARY = LETTER | NUMBER | WHITE_SPACE;

/** What the heirs of o200k differ in. */
export interface O200kOptions {
  readonly maxDigits: number;
  /** A short form goes with the word before it. */
  readonly shortForms: boolean;
  readonly marksAreLetters: boolean;
  /** Words are cut where lower case is followed by upper case. */
  readonly cutsCase: boolean;
}

/**
 * The words of o200k (GPT-4o) and its heirs: letters, upper case then lower case, with one other sign before them and perhaps a short form
 * behind; digits in groups; other signs with a space before and line ends or slashes after them; white space as cl100k has it. As in the
 * reference, only ASCII letters have a case: any other letter may stand on both sides.
 */
export class O200kSplitter implements Splitter {
  private readonly classes = charClasses();
  private readonly letters: number;

  constructor(private readonly options: O200kOptions) {
    this.letters = options.marksAreLetters ? LETTER | MARK : LETTER;
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    const { classes } = this;
    const lead = bytes[start];
    const kind = classes[lead < 0x80 ? lead : codePointAt(bytes, start)];
    const second = start + sequenceLength(lead);
    if (
      lead !== CR &&
      lead !== LF &&
      (kind & (LETTER | NUMBER)) === 0 &&
      second < end &&
      this.isLetter(bytes, second)
    ) {
      const isMark = (kind & this.letters) !== 0;
      return isMark && this.options.cutsCase && this.isUpperCaseWord(bytes, second, end)
        ? second
        : this.wordEnd(bytes, second, end);
    }
    if ((kind & this.letters) !== 0) return this.wordEnd(bytes, start, end);
    if ((kind & NUMBER) !== 0) return this.digitsEnd(bytes, second, end);
    const from = lead === SPACE && second < end ? second : start;
    if ((classAt(classes, bytes, from) & ORDINARY) === 0) {
      let at = runOfNot(classes, ORDINARY, bytes, from, end);
      while (at < end && (bytes[at] === LF || bytes[at] === CR || bytes[at] === SLASH)) at++;
      return at;
    }
    return spaceWithLineEnds(classes, bytes, start, end);
  }

  private isLetter(bytes: Uint8Array, at: number): boolean {
    return (classAt(this.classes, bytes, at) & this.letters) !== 0;
  }

  /** Whether a word is of ASCII upper case alone: a mark before it is then a word of its own, as it may stand for lower case. */
  private isUpperCaseWord(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end && isAsciiLetter(bytes[at]) && bytes[at] < 0x61) at++;
    return at === end || !this.isLetter(bytes, at);
  }

  /** Where the word ends whose letters start at `start`. */
  private wordEnd(bytes: Uint8Array, start: number, end: number): number {
    const { cutsCase, shortForms } = this.options;
    let at = start;
    // Letters that may be upper case: all but a to z. The last of them that may be lower case, too, is where a word of only those must end.
    let lastCaseless = -1;
    while (at < end && this.isLetter(bytes, at) && !(cutsCase && isAsciiLetter(bytes[at]) && bytes[at] >= 0x61)) {
      if (bytes[at] >= 0x80) lastCaseless = at;
      at += sequenceLength(bytes[at]);
    }
    if (cutsCase && at < end && this.isLetter(bytes, at)) {
      while (at < end && this.isLetter(bytes, at) && !(isAsciiLetter(bytes[at]) && bytes[at] < 0x61))
        at += sequenceLength(bytes[at]);
    } else if (cutsCase && lastCaseless >= 0) {
      at = lastCaseless + sequenceLength(bytes[lastCaseless]);
    }
    return shortForms && at < end ? at + contractionLength(bytes, at, end, 'any') : at;
  }

  private digitsEnd(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (
      let count = 1;
      count < this.options.maxDigits && at < end && (classAt(this.classes, bytes, at) & NUMBER) !== 0;
      count++
    ) {
      at += sequenceLength(bytes[at]);
    }
    return at;
  }
}
