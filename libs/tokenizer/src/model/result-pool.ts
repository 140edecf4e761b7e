const POOL_NUMBERS = 1 << 13;
const LARGEST_SHARED = 1 << 10;

/**
 * Makes the arrays that callers get. Small ones are cut from a common buffer, as allocating a buffer for each would take longer than
 * encoding a short text; each array is the caller's own region all the same.
 */
export class ResultPool {
  private pool = new Uint32Array(0);
  private used = 0;

  /** A copy of the first `count` numbers of `source`, less `base` each. */
  copy(source: Uint32Array, count: number, base: number): Uint32Array {
    const result = this.take(count);
    for (let i = 0; i < count; i++) result[i] = source[i] - base;
    return result;
  }

  private take(count: number): Uint32Array {
    if (count > LARGEST_SHARED) return new Uint32Array(count);
    if (this.used + count > this.pool.length) {
      this.pool = new Uint32Array(POOL_NUMBERS);
      this.used = 0;
    }
    const start = this.used;
    this.used += count;
    return this.pool.subarray(start, this.used);
  }
}
