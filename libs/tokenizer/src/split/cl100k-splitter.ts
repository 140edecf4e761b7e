import { charClasses, LETTER, MARK, NUMBER, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import { classAt, isAsciiLetter, runOf, runOfNot } from './char-run.js';
import { contractionLength, type ContractionCase } from './contraction.js';
import type { Splitter } from './splitter.js';

const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;

/** What the heirs of cl100k differ in. */
export interface Cl100kOptions {
  /** Most digits in a piece. */
  readonly maxDigits: number;
  /** Whether combining marks count as letters. */
  readonly marksAreLetters?: boolean;
  /** Short forms are no pieces of their own. */
  readonly keepsShortForms?: boolean;
  /** The long s makes a short form too, as in expressions that ignore case. */
  readonly foldsShortForms?: boolean;
  /** Line ends go with the white space before them, not with the signs. */
  readonly signsTakeNoLineEnds?: boolean;
}

/**
 * The words of cl100k (GPT-4) and its heirs, Llama 3 and Qwen among them: short forms; letters with one other sign before them; digits in
 * groups; other signs with a space before and line ends after them; white space up to its last line end, or but its last character.
 */
export class Cl100kSplitter implements Splitter {
  private readonly classes = charClasses();
  private readonly letters: number;
  private readonly ordinary: number;
  private readonly maxDigits: number;
  private readonly cutsShortForms: boolean;
  private readonly shortFormCase: ContractionCase;
  private readonly signsTakeLineEnds: boolean;

  constructor(options: Cl100kOptions) {
    this.letters = options.marksAreLetters ? LETTER | MARK : LETTER;
    this.ordinary = this.letters | NUMBER | WHITE_SPACE;
    this.maxDigits = options.maxDigits;
    this.cutsShortForms = !options.keepsShortForms;
    this.shortFormCase = options.foldsShortForms ? 'folded' : 'any';
    this.signsTakeLineEnds = !options.signsTakeNoLineEnds;
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    const { classes, letters } = this;
    const lead = bytes[start];
    if (lead === SPACE || isAsciiLetter(lead)) {
      let at = start + 1;
      while (at < end && isAsciiLetter(bytes[at])) at++;
      if ((at > start + 1 || lead !== SPACE) && (at === end || bytes[at] < 0x80)) return at;
    }
    const shortForm = this.cutsShortForms ? contractionLength(bytes, start, end, this.shortFormCase) : 0;
    if (shortForm > 0) return start + shortForm;
    const kind = classes[lead < 0x80 ? lead : codePointAt(bytes, start)];
    if ((kind & NUMBER) !== 0) return this.digitsEnd(bytes, start, end);
    const second = lead < 0x80 ? start + 1 : start + sequenceLength(lead);
    if ((kind & letters) !== 0) return runOf(classes, letters, bytes, second, end);
    if (lead !== CR && lead !== LF && second < end && (classAt(classes, bytes, second) & letters) !== 0) {
      return runOf(classes, letters, bytes, second, end);
    }
    const from = lead === SPACE && second < end ? second : start;
    if ((classAt(classes, bytes, from) & this.ordinary) === 0) {
      let at = runOfNot(classes, this.ordinary, bytes, from, end);
      while (this.signsTakeLineEnds && at < end && (bytes[at] === LF || bytes[at] === CR)) at++;
      return at;
    }
    return spaceWithLineEnds(classes, bytes, start, end);
  }

  private digitsEnd(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (
      let count = 0;
      count < this.maxDigits && at < end && (classAt(this.classes, bytes, at) & NUMBER) !== 0;
      count++
    ) {
      at += sequenceLength(bytes[at]);
    }
    return at;
  }
}

/** Where white space is cut: after its last line end; else before its last character if text follows; else at its end. */
export function spaceWithLineEnds(classes: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let last = start;
  let lineEnd = 0;
  let at = start;
  while (at < end && (classAt(classes, bytes, at) & WHITE_SPACE) !== 0) {
    last = at;
    at += sequenceLength(bytes[at]);
    if (bytes[last] === LF || bytes[last] === CR) lineEnd = at;
  }
  if (lineEnd > 0) return lineEnd;
  return at < end && last > start ? last : at;
}
