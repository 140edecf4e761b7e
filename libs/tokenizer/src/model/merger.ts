import { PairHeap } from './pair-heap.js';

/** What may be merged, and in which order: the rules of byte-pair encoding or of SentencePiece's. */
export interface MergeRules {
  /** A number for the merge of two symbols, `bytes[start, middle)` and `bytes[middle, end)`; negative if they do not merge. */
  pair(left: number, right: number, bytes: Uint8Array, start: number, middle: number, end: number): number;
  /** What a merge costs: the cheapest is done first, of equals the leftmost. */
  cost(merge: number): number;
  /** The symbol that a merge makes, which is `bytes[start, end)`. */
  symbol(merge: number, bytes: Uint8Array, start: number, end: number): number;
}

/** No merge; dearer than any cost. */
const NONE = 0x7fffffff;

/** Words of up to so many symbols are searched through for each merge; longer ones use a heap. */
const SHORT_WORD = 40;

/**
 * Merges the symbols of one word, cheapest pair first, until no pair can be merged. Symbol i covers the bytes from `starts[i]` to
 * `starts[i + 1]`. Takes n log n steps in the number of symbols.
 */
export class Merger {
  symbols = new Int32Array(256);
  /** One more than symbols: the last is the end of the word. */
  starts = new Int32Array(257);
  private merges = new Int32Array(256);
  private costs = new Int32Array(256);
  private nexts = new Int32Array(0);
  private previous = new Int32Array(0);
  private readonly heap = new PairHeap();

  constructor(private readonly rules: MergeRules) {}

  /** Makes room for a word of `count` symbols. */
  reserve(count: number): void {
    if (count <= this.symbols.length && (this.symbols.length <= 1 << 16 || count > 1 << 14)) return;
    const capacity = Math.max(256, count);
    this.symbols = new Int32Array(capacity);
    this.starts = new Int32Array(capacity + 1);
    this.merges = new Int32Array(capacity);
    this.costs = new Int32Array(capacity);
    this.nexts = new Int32Array(0);
    this.previous = new Int32Array(0);
    this.heap.release();
  }

  /** Merges the first `count` symbols in place and returns how many are left. */
  run(bytes: Uint8Array, count: number): number {
    if (count < 2) return count;
    for (let i = 0; i + 1 < count; i++) this.setPair(bytes, i, i + 1, this.starts[i + 2]);
    return count <= SHORT_WORD ? this.runShort(bytes, count) : this.runLong(bytes, count);
  }

  private setPair(bytes: Uint8Array, left: number, right: number, end: number): void {
    const { rules, symbols } = this;
    const merge = rules.pair(symbols[left], symbols[right], bytes, this.starts[left], this.starts[right], end);
    this.merges[left] = merge;
    this.costs[left] = merge < 0 ? NONE : rules.cost(merge);
  }

  private runShort(bytes: Uint8Array, length: number): number {
    const { symbols, starts, merges, costs, rules } = this;
    let count = length;
    while (count > 1) {
      let best = 0;
      for (let i = 1; i < count - 1; i++) {
        if (costs[i] < costs[best]) best = i;
      }
      if (costs[best] === NONE) break;
      symbols[best] = rules.symbol(merges[best], bytes, starts[best], starts[best + 2]);
      count--;
      for (let i = best + 1; i < count; i++) {
        symbols[i] = symbols[i + 1];
        starts[i] = starts[i + 1];
        merges[i] = merges[i + 1];
        costs[i] = costs[i + 1];
      }
      starts[count] = starts[count + 1];
      if (best + 1 < count) this.setPair(bytes, best, best + 1, starts[best + 2]);
      if (best > 0) this.setPair(bytes, best - 1, best, starts[best + 1]);
    }
    return count;
  }

  private runLong(bytes: Uint8Array, count: number): number {
    if (this.nexts.length < count + 1) {
      this.nexts = new Int32Array(this.symbols.length + 1);
      this.previous = new Int32Array(this.symbols.length + 1);
    }
    const { symbols, starts, merges, costs, rules, heap, nexts, previous } = this;
    heap.clear();
    costs[count - 1] = NONE;
    for (let i = 0; i < count; i++) {
      nexts[i] = i + 1;
      previous[i] = i - 1;
      if (costs[i] !== NONE) heap.push(costs[i], i);
    }
    nexts[count] = count;
    for (let left = heap.pop(); left >= 0; left = heap.pop()) {
      if (costs[left] !== heap.cost) continue;
      const right = nexts[left];
      const after = nexts[right];
      symbols[left] = rules.symbol(merges[left], bytes, starts[left], starts[after]);
      costs[right] = NONE;
      nexts[left] = after;
      previous[after] = left;
      costs[left] = NONE;
      if (after < count) {
        this.setPair(bytes, left, after, starts[nexts[after]]);
        if (costs[left] !== NONE) heap.push(costs[left], left);
      }
      const before = previous[left];
      if (before >= 0) {
        this.setPair(bytes, before, left, starts[after]);
        if (costs[before] !== NONE) heap.push(costs[before], before);
      }
    }
    let kept = 0;
    for (let i = 0; i < count; i = nexts[i], kept++) {
      symbols[kept] = symbols[i];
      starts[kept] = starts[i];
    }
    starts[kept] = starts[count];
    return kept;
  }
}
