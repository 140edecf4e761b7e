import type { Splitter } from './splitter.js';

/** Cuts the pieces of one splitter with the next one, and so on. */
export class StagedSplitter implements Splitter {
  /** Where the piece of each stage ends that holds the current position. */
  private readonly limits: Uint32Array;

  constructor(private readonly stages: readonly Splitter[]) {
    this.limits = new Uint32Array(stages.length);
  }

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.limits.fill(start);
    this.stages[0].begin?.(bytes, start, end);
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    const { limits, stages } = this;
    let outer = end;
    let fresh = false;
    for (let stage = 0; stage < stages.length; stage++) {
      if (fresh) stages[stage].begin?.(bytes, start, outer);
      if (fresh || limits[stage] <= start) {
        limits[stage] = stages[stage].next(bytes, start, outer);
        fresh = true;
      }
      outer = limits[stage];
    }
    return outer;
  }
}
