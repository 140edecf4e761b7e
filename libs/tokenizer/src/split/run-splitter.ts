import { charClasses, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import type { CharSet } from './char-set.js';
import { classAt } from './char-run.js';
import type { Splitter } from './splitter.js';

const SPACE = 0x20;

/** What a run is. */
export interface RunOptions {
  readonly members: CharSet;
  /** Fewest and most members of a run; by default one, and no limit. */
  readonly min?: number;
  readonly max?: number;
  /** What may stand before a run and belongs to it. */
  readonly lead?: 'space' | 'whiteSpace';
  /** Runs count only at the end of the text. */
  readonly atEnd?: boolean;
}

/** Cuts out runs of characters of a set; what lies between runs is a piece too. */
export class RunSplitter implements Splitter {
  private readonly classes = charClasses();
  private readonly min: number;
  private readonly max: number;

  constructor(private readonly options: RunOptions) {
    this.min = options.min ?? 1;
    this.max = options.max ?? Infinity;
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    if (this.options.atEnd === true) return this.nextAtEnd(bytes, start, end);
    let at = this.runEnd(bytes, start, end);
    if (at > start) return at;
    at = start + sequenceLength(bytes[start]);
    while (at < end && this.runEnd(bytes, at, end) === at) at += sequenceLength(bytes[at]);
    return at;
  }

  /** Where the run that starts at `start` ends, or `start` if none does. */
  private runEnd(bytes: Uint8Array, start: number, end: number): number {
    const { lead } = this.options;
    if (lead !== undefined && this.isLead(bytes, start)) {
      const first = start + sequenceLength(bytes[start]);
      const last = this.membersEnd(bytes, first, end);
      if (last > first) return last;
    }
    return this.membersEnd(bytes, start, end);
  }

  /** Steps over the runs that do not reach the end. */
  private nextAtEnd(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; ) {
      const last = this.membersEnd(bytes, at, end);
      if (last === end) return at > start ? at : end;
      at = last > at ? last : at + sequenceLength(bytes[at]);
    }
    return end;
  }

  private membersEnd(bytes: Uint8Array, start: number, end: number): number {
    const { members } = this.options;
    let at = start;
    let count = 0;
    while (count < this.max && at < end && members.has(codePointAt(bytes, at))) {
      at += sequenceLength(bytes[at]);
      count++;
    }
    return count >= this.min ? at : start;
  }

  private isLead(bytes: Uint8Array, at: number): boolean {
    return this.options.lead === 'space' ? bytes[at] === SPACE : (classAt(this.classes, bytes, at) & WHITE_SPACE) !== 0;
  }
}
