import { charClasses, LETTER, NUMBER, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import { spaceWithLineEnds } from './cl100k-splitter.js';
import { classAt, runOfNot } from './char-run.js';
import { contractionLength } from './contraction.js';
import type { Splitter } from './splitter.js';

const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;
const ORDINARY = LETTER | NUMBER | WHITE_SPACE;

/** Kimi K2's words: runs of Chinese characters, and for the rest the words of o200k without them. */
export class KimiSplitter implements Splitter {
  private readonly classes = charClasses();

  next(bytes: Uint8Array, start: number, end: number): number {
    const { classes } = this;
    const lead = bytes[start];
    const cp = codePointAt(bytes, start);
    const second = start + sequenceLength(lead);
    if (isHan(cp)) return hanEnd(bytes, second, end);
    const kind = classes[cp];
    if ((kind & LETTER) !== 0) return this.wordEnd(bytes, second, end);
    if ((kind & NUMBER) !== 0) return this.digitsEnd(bytes, second, end);
    if (lead !== CR && lead !== LF && second < end && this.isLetter(bytes, second))
      return this.wordEnd(bytes, second, end);
    const from = lead === SPACE && second < end ? second : start;
    if ((classAt(classes, bytes, from) & ORDINARY) === 0) {
      let at = runOfNot(classes, ORDINARY, bytes, from, end);
      while (at < end && (bytes[at] === LF || bytes[at] === CR)) at++;
      return at;
    }
    return spaceWithLineEnds(classes, bytes, start, end);
  }

  private isLetter(bytes: Uint8Array, at: number): boolean {
    const cp = codePointAt(bytes, at);
    return (this.classes[cp] & LETTER) !== 0 && !isHan(cp);
  }

  private wordEnd(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.isLetter(bytes, at)) at += sequenceLength(bytes[at]);
    return at < end ? at + contractionLength(bytes, at, end, 'any') : at;
  }

  private digitsEnd(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (let count = 1; count < 3 && at < end && (classAt(this.classes, bytes, at) & NUMBER) !== 0; count++)
      at += sequenceLength(bytes[at]);
    return at;
  }
}

function hanEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isHan(codePointAt(bytes, at))) at += sequenceLength(bytes[at]);
  return at;
}

/** Chinese characters, as this vocabulary's reference counts them. */
function isHan(cp: number): boolean {
  if (cp < 0x3400) return false;
  return (
    (cp >= 0x4e00 && cp <= 0x9fff) ||
    cp <= 0x4dbf ||
    (cp >= 0x20000 && cp <= 0x2a6df) ||
    (cp >= 0x2a700 && cp <= 0x2ebef) ||
    (cp >= 0xf900 && cp <= 0xfaff) ||
    (cp >= 0x2f800 && cp <= 0x2fa1f)
  );
}
