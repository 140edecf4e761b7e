/** Cuts text into the pieces that are encoded on their own. */
export interface Splitter {
  /** Told before the first piece of `bytes[start, end)` is asked for. */
  begin?(bytes: Uint8Array, start: number, end: number): void;
  /** Where the piece that starts at `start` ends (more than `start`, at most `end`). Nothing at or after `end` is looked at. */
  next(bytes: Uint8Array, start: number, end: number): number;
}
