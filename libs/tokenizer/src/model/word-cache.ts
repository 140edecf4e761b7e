/** Entries, bytes of words and numbers of results that are kept at most. */
const MAX_ENTRIES = 1 << 15;
const MAX_KEY_BYTES = 1 << 20;
const MAX_RESULT_NUMBERS = 1 << 19;

/** Words longer than this are not kept. */
export const MAX_CACHED_WORD_BYTES = 256;

const SLOTS = MAX_ENTRIES * 2;

/**
 * Results of words that take several tokens. A slot is (hash, start of the word's bytes, their length, start of the result); the result
 * is (count, then id and end for each token, the end counted from the start of the word).
 */
export class WordCache {
  private readonly slots = new Int32Array(SLOTS * 4);
  private readonly keys = new Uint8Array(MAX_KEY_BYTES);
  readonly results = new Int32Array(MAX_RESULT_NUMBERS);
  private entries = 0;
  private keyEnd = 0;
  private resultEnd = 1;

  /** Where the result of a word starts in `results`, or 0. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const { slots, keys } = this;
    const length = end - start;
    for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const at = slot * 4;
      const result = slots[at + 3];
      if (result === 0) return 0;
      if (slots[at] !== hash || slots[at + 2] !== length) continue;
      const from = slots[at + 1];
      let i = 0;
      while (i < length && keys[from + i] === bytes[start + i]) i++;
      if (i === length) return result;
    }
  }

  /** Whether a word of `length` bytes and `count` tokens does not fit any more: then `clear` comes first. */
  isFull(length: number, count: number): boolean {
    return (
      this.entries >= MAX_ENTRIES ||
      this.keyEnd + length > MAX_KEY_BYTES ||
      this.resultEnd + 1 + count * 2 > MAX_RESULT_NUMBERS
    );
  }

  /** Keeps the result of a word that `find` did not find: `count` ids with their ends as positions in `bytes`. Returns where it is. */
  add(
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    ids: Int32Array,
    ends: Int32Array,
    count: number,
  ): number {
    const length = end - start;
    const { slots, keys, results } = this;
    let slot = hash & (SLOTS - 1);
    while (slots[slot * 4 + 3] !== 0) slot = (slot + 1) & (SLOTS - 1);
    slots[slot * 4] = hash;
    slots[slot * 4 + 1] = this.keyEnd;
    slots[slot * 4 + 2] = length;
    slots[slot * 4 + 3] = this.resultEnd;
    for (let i = 0; i < length; i++) keys[this.keyEnd + i] = bytes[start + i];
    const result = this.resultEnd;
    results[this.resultEnd++] = count;
    for (let i = 0; i < count; i++) {
      results[this.resultEnd++] = ids[i];
      results[this.resultEnd++] = ends[i] - start;
    }
    this.keyEnd += length;
    this.entries++;
    return result;
  }

  clear(): void {
    this.slots.fill(0);
    this.entries = 0;
    this.keyEnd = 0;
    this.resultEnd = 1;
  }
}
