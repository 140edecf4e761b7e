import type { Splitter } from './splitter.js';

const SPACE = 0x20;

/** Cuts before each run of spaces: a piece is spaces, then what is not a space. */
export class SpaceRunSplitter implements Splitter {
  next(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    while (i < end && bytes[i] === SPACE) i++;
    while (i < end && bytes[i] !== SPACE) i++;
    return i;
  }
}

/** Does not cut. */
export class WholeTextSplitter implements Splitter {
  next(_bytes: Uint8Array, _start: number, end: number): number {
    return end;
  }
}
