import type { Splitter } from './splitter.js';

const LF = 0x0a;

/** Cuts between runs of line feeds and runs of anything else. */
export class LineSplitter implements Splitter {
  next(bytes: Uint8Array, start: number, end: number): number {
    const lines = bytes[start] === LF;
    let at = start + 1;
    while (at < end && (bytes[at] === LF) === lines) at++;
    return at;
  }
}
