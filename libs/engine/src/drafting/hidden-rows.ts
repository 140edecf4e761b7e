/** Rows that are kept: a head that has not been asked for longer begins its context anew. */
const KEPT = 64;

/** The last hidden states of an answer's positions, one after another: what a head goes on from. */
export class HiddenRows {
  readonly #rows: Float32Array;
  readonly #width: number;
  /** Positions `[from, to)` are there. */
  #from = 0;
  #to = 0;

  constructor(width: number) {
    this.#width = width;
    this.#rows = new Float32Array(KEPT * width);
  }

  get from(): number {
    return this.#from;
  }

  get to(): number {
    return this.#to;
  }

  /** Takes a copy of the state of a position. Where it does not come after the last one, those before are forgotten. */
  note(position: number, row: Float32Array): void {
    if (position !== this.#to) this.#from = position;
    this.#to = position + 1;
    this.#from = Math.max(this.#from, this.#to - KEPT);
    this.#rows.set(row, (position % KEPT) * this.#width);
  }

  /** The state of a position that is there: a view, until so many others have come. */
  at(position: number): Float32Array {
    const begin = (position % KEPT) * this.#width;
    return this.#rows.subarray(begin, begin + this.#width);
  }
}
