import { charClasses, NUMBER } from '../text/char-class.js';
import { sequenceLength } from '../text/utf8.js';
import { runOf, runOfNot } from './char-run.js';
import type { Splitter } from './splitter.js';

/**
 * Cuts digits in groups of three counted from the right: 1234567 is 1, 234, 567. What precedes a run of digits goes with its first group, as
 * the reference does it.
 */
export class DigitGroupSplitter implements Splitter {
  private readonly classes = charClasses();
  private groups = new Uint32Array(16);
  private groupCount = 0;
  private nextGroup = 0;

  begin(): void {
    this.groupCount = 0;
    this.nextGroup = 0;
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    if (this.nextGroup < this.groupCount) return this.groups[this.nextGroup++];
    const { classes } = this;
    const digits = runOfNot(classes, NUMBER, bytes, start, end);
    if (digits >= end) return end;
    this.group(bytes, digits, runOf(classes, NUMBER, bytes, digits, end));
    return this.groups[this.nextGroup++];
  }

  /** Notes where the groups of `bytes[start, end)`, digits all, end. */
  private group(bytes: Uint8Array, start: number, end: number): void {
    let count = 0;
    for (let at = start; at < end; at += sequenceLength(bytes[at])) count++;
    const groupCount = Math.ceil(count / 3);
    if (this.groups.length < groupCount) this.groups = new Uint32Array(groupCount * 2);
    this.groupCount = 0;
    this.nextGroup = 0;
    let left = count;
    for (let at = start; at < end; ) {
      at += sequenceLength(bytes[at]);
      left--;
      if (left % 3 === 0) this.groups[this.groupCount++] = at;
    }
  }
}
