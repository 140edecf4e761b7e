import type { Splitter } from './splitter.js';

/**
 * Cuts ASCII digits before each group of three, counted from the end of their run; everything else stays together: a12345b is a12, 345b.
 */
export class ThousandsSplitter implements Splitter {
  /** The end of the run of digits that was looked at last. */
  private runEnd = 0;

  begin(_bytes: Uint8Array, start: number): void {
    this.runEnd = start;
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; ) {
      if (!isDigit(bytes[at])) {
        at++;
        continue;
      }
      const runEnd = this.endOfRun(bytes, at, end);
      const isCut = at > start && (runEnd - at) % 3 === 0;
      const cut = isCut ? at : at + ((runEnd - at) % 3 || 3);
      if (cut < runEnd) return cut;
      at = runEnd;
    }
    return end;
  }

  private endOfRun(bytes: Uint8Array, at: number, end: number): number {
    if (this.runEnd > at) return this.runEnd;
    let runEnd = at;
    while (runEnd < end && isDigit(bytes[runEnd])) runEnd++;
    this.runEnd = runEnd;
    return runEnd;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
