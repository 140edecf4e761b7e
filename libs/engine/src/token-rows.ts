/** A token and a number about it: how likely it was. */
export interface ScoredToken {
  readonly id: number;
  readonly score: number;
}

/** A place of an answer: its token, and others that might have stood there. */
export interface TokenRow extends ScoredToken {
  /** A second number about the token. */
  readonly rank: number;
  readonly others: readonly ScoredToken[];
}

/**
 * Tokens with their likelihoods, row after row, as plain numbers: some 12 bytes a token, where objects with texts take hundreds. An answer may
 * have thousands of rows with a hundred tokens each, and be kept for a reader that does not come.
 */
export class TokenRows {
  /** Of each row its own token first, then the others. */
  #ids = new Uint32Array(16);
  #scores = new Float64Array(16);
  #ranks = new Uint32Array(16);
  /** Where each row begins, and where the last ends. */
  #starts = new Uint32Array(17);
  #rows = 0;

  get length(): number {
    return this.#rows;
  }

  push({ id, score, rank, others }: TokenRow): void {
    const begin = this.#starts[this.#rows];
    const end = begin + 1 + others.length;
    if (end > this.#ids.length) {
      const length = Math.max(end, 2 * this.#ids.length);
      this.#ids = grown(this.#ids, new Uint32Array(length));
      this.#scores = grown(this.#scores, new Float64Array(length));
    }
    if (this.#rows === this.#ranks.length) {
      this.#ranks = grown(this.#ranks, new Uint32Array(2 * this.#rows));
      this.#starts = grown(this.#starts, new Uint32Array(2 * this.#rows + 1));
    }
    this.#ids[begin] = id;
    this.#scores[begin] = score;
    others.forEach((other, i) => {
      this.#ids[begin + 1 + i] = other.id;
      this.#scores[begin + 1 + i] = other.score;
    });
    this.#ranks[this.#rows++] = rank;
    this.#starts[this.#rows] = end;
  }

  /** A row, 0 to length - 1, made anew. */
  at(row: number): TokenRow {
    const [begin, end] = [this.#starts[row], this.#starts[row + 1]];
    const others = Array.from({ length: end - begin - 1 }, (_, i) => ({
      id: this.#ids[begin + 1 + i],
      score: this.#scores[begin + 1 + i],
    }));
    return { id: this.#ids[begin], score: this.#scores[begin], rank: this.#ranks[row], others };
  }
}

function grown<Numbers extends Uint32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
