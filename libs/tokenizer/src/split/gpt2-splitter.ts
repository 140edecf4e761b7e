import { charClasses, LETTER, NUMBER, WHITE_SPACE } from '../text/char-class.js';
import { sequenceLength } from '../text/utf8.js';
import { classAt, isAsciiLetter, runOf, runOfNot } from './char-run.js';
import { contractionLength } from './contraction.js';
import type { Splitter } from './splitter.js';

const SPACE = 0x20;
const ORDINARY = LETTER | NUMBER | WHITE_SPACE;

/** GPT-2's words: short forms, a space with letters, with digits or with other signs, and runs of white space but their last character. */
export class Gpt2Splitter implements Splitter {
  private readonly classes = charClasses();

  next(bytes: Uint8Array, start: number, end: number): number {
    const { classes } = this;
    const lead = bytes[start];
    if (lead === SPACE || isAsciiLetter(lead)) {
      let at = start + 1;
      while (at < end && isAsciiLetter(bytes[at])) at++;
      if ((at > start + 1 || lead !== SPACE) && (at === end || bytes[at] < 0x80)) return at;
    }
    const shortForm = contractionLength(bytes, start, end, 'lower');
    if (shortForm > 0) return start + shortForm;
    const from = lead === SPACE && start + 1 < end ? start + 1 : start;
    const kind = classAt(classes, bytes, from) & ORDINARY;
    if (kind === LETTER || kind === NUMBER) return runOf(classes, kind, bytes, from, end);
    if (kind === 0) return runOfNot(classes, ORDINARY, bytes, from, end);
    return whiteSpaceEnd(classes, bytes, start, end);
  }
}

/** Where a run of white space is cut: before its last character if text follows and the run is longer than that, else at its end. */
function whiteSpaceEnd(classes: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let last = start;
  let at = start;
  while (at < end && (classAt(classes, bytes, at) & WHITE_SPACE) !== 0) {
    last = at;
    at += sequenceLength(bytes[at]);
  }
  return at < end && last > start ? last : at;
}
