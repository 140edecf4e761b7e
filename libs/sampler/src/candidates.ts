import { StarlingError } from '@starling/core';
import type { TokenMask } from '@starling/grammar';
import { expf, truncateToInt32 } from './exp.js';
import { partialSortDescending, selectTop, sortDescending } from './reference-sort.js';

const { fround, min } = Math;

/** Up to this many are selected by a heap; more are first spread over buckets. The border decides the order of equal logits. */
const HEAP_SELECTION_LIMIT = 128;
const BUCKET_COUNT = 128;
const BUCKET_SCALE = fround(BUCKET_COUNT / 20);
const BUCKET_OFFSET = fround(10 * BUCKET_SCALE);

/**
 * The tokens that may still be drawn, with their logits: what every stage of the chain reads and changes.
 *
 * Entries 0 to `size - 1` of the three arrays are the candidates; what lies behind is scrap. `probabilities` hold only what the
 * last `softmax()` put there. All numbers are single precision, in the reference's order of operations. The arrays are made once
 * and used again for each token.
 */
export class Candidates {
  /** Token ids (capacity). */
  readonly ids: Int32Array;
  /** Their logits (capacity). */
  readonly logits: Float32Array;
  /** Their probabilities (capacity), after `softmax()`. */
  readonly probabilities: Float32Array;
  /** How many candidates there are. At least 1 after `load()`; a stage must leave at least 1. */
  size = 0;
  /** Whether the logits are in descending order. Who changes logits so that this may fail must set it to false. */
  sorted = false;
  /** The index of the candidate that the last stage chose. */
  selected: number | undefined = undefined;

  /** Room for positions in an order being worked out (capacity); any stage may use it, none finds it as it left it. */
  readonly order: Int32Array;
  /** Entries from here on still are as `load()` put them: `ids[i] === i`. */
  private movedEnd = 0;
  private scoreRoom: Float32Array | undefined;
  private gatheredIds: Int32Array | undefined;
  private gatheredLogits: Float32Array | undefined;
  private gatheredProbabilities: Float32Array | undefined;
  private bucketOf: Uint8Array | undefined;
  private readonly bucketEnd = new Int32Array(BUCKET_COUNT);

  constructor(readonly capacity: number) {
    this.ids = Int32Array.from({ length: capacity }, (_, i) => i);
    this.logits = new Float32Array(capacity);
    this.probabilities = new Float32Array(capacity);
    this.order = new Int32Array(capacity);
  }

  /**
   * Starts a token: every id of the vocabulary, in ascending order, with its logit. `logits` (capacity, or more: what lies behind, as
   * in rows padded to a round number, is no token) is copied.
   */
  load(logits: Float32Array): void {
    if (logits.length < this.capacity) {
      throw new StarlingError(
        'invalid_argument',
        `expected ${this.capacity} logits, one for each token of the vocabulary, not ${logits.length}`,
        {
          details: { expected: this.capacity, received: logits.length },
        },
      );
    }
    this.logits.set(logits.length === this.capacity ? logits : logits.subarray(0, this.capacity));
    for (let i = 0; i < this.movedEnd; i++) this.ids[i] = i;
    this.movedEnd = 0;
    this.size = this.capacity;
    this.sorted = false;
    this.selected = undefined;
  }

  /** Takes away the logits of all tokens that the mask does not allow. Call it before anything moves. */
  applyMask(mask: TokenMask): void {
    const { words } = mask;
    for (let id = 0; id < this.capacity; id++) {
      if ((words[id >> 5] & (1 << (id & 31))) === 0) this.logits[id] = -Infinity;
    }
  }

  /** The index of token `id` among the candidates, if it is one. Takes constant time while nothing was moved. */
  indexOf(id: number): number | undefined {
    if (id < this.size && this.ids[id] === id) return id;
    if (this.inVocabularyOrder) return undefined;
    for (let i = 0; i < this.size; i++) if (this.ids[i] === id) return i;
    return undefined;
  }

  /** Whether candidate i is token i for every i, so that no search is needed. */
  get inVocabularyOrder(): boolean {
    return this.movedEnd === 0;
  }

  /** Keeps the `count` with the largest logits, in descending order. */
  keepTop(count: number): void {
    const kept = min(count, this.size);
    if (!this.sorted) {
      this.orderTop(kept, this.order);
      this.take(this.order, kept);
      this.sorted = true;
    }
    this.size = kept;
  }

  /** Puts the candidates in descending order of their logits. */
  sort(): void {
    this.keepTop(this.size);
  }

  /**
   * The positions of the candidates with the `count` largest logits, in descending order, into `order[0, count)`. Nothing is
   * moved. Equal logits come in the order that the reference gives them.
   */
  orderTop(count: number, order: Int32Array): void {
    if (count <= HEAP_SELECTION_LIMIT) selectTop(order, count, this.logits, this.size);
    else this.orderTopByBuckets(count, order);
  }

  /** Keeps the candidates at the positions `order[0, count)`, in that order; says nothing about `sorted`. */
  take(order: Int32Array, count: number): void {
    const ids = (this.gatheredIds ??= new Int32Array(this.capacity));
    const logits = (this.gatheredLogits ??= new Float32Array(this.capacity));
    const probabilities = (this.gatheredProbabilities ??= new Float32Array(this.capacity));
    for (let i = 0; i < count; i++) {
      const from = order[i];
      ids[i] = this.ids[from];
      logits[i] = this.logits[from];
      probabilities[i] = this.probabilities[from];
    }
    for (let i = 0; i < count; i++) {
      this.ids[i] = ids[i];
      this.logits[i] = logits[i];
      this.probabilities[i] = probabilities[i];
    }
    this.size = count;
    this.moved(count);
  }

  /** Keeps the candidates whose logit is at least `lowest`, in the order they are in; gives how many there are. Counts only, if fewer than `required`. */
  keepAtLeast(lowest: number, required: number): number {
    let count = 0;
    for (let i = 0; i < this.size; i++) if (this.logits[i] >= lowest) count++;
    if (count === 0 || count < required) return count;
    let to = 0;
    for (let from = 0; from < this.size; from++) {
      if (this.logits[from] >= lowest) this.copyEntry(from, to++);
    }
    this.size = count;
    return count;
  }

  /** Removes the first `count` candidates. */
  dropFirst(count: number): void {
    this.ids.copyWithin(0, count, this.size);
    this.logits.copyWithin(0, count, this.size);
    this.probabilities.copyWithin(0, count, this.size);
    this.moved(this.size);
    this.size -= count;
  }

  /** Copies the candidate at `from` over the one at `to`. */
  copyEntry(from: number, to: number): void {
    if (from === to) return;
    this.ids[to] = this.ids[from];
    this.logits[to] = this.logits[from];
    this.probabilities[to] = this.probabilities[from];
    this.moved(to + 1);
  }

  /** Puts token `id` with a logit of its own in place of the candidate at `index`. */
  overwrite(index: number, id: number, logit: number): void {
    this.ids[index] = id;
    this.logits[index] = logit;
    this.moved(index + 1);
  }

  /** Room for one number a candidate (capacity), as `order` is. */
  get scores(): Float32Array {
    return (this.scoreRoom ??= new Float32Array(this.capacity));
  }

  /** The largest logit. */
  maximum(): number {
    let maximum = this.logits[0];
    if (this.sorted) return maximum;
    for (let i = 1; i < this.size; i++) if (this.logits[i] > maximum) maximum = this.logits[i];
    return maximum;
  }

  /**
   * The largest logit, made finite: where penalties or biases took logits beyond single precision, those share all there is to draw,
   * so that no difference of two of them is NaN.
   */
  finiteMaximum(): number {
    const maximum = this.maximum();
    if (maximum !== Infinity) return maximum;
    for (let i = 0; i < this.size; i++) this.logits[i] = this.logits[i] === Infinity ? 0 : -Infinity;
    return 0;
  }

  /** Fills `probabilities` with e^(logit - maximum) over its sum, all in single precision. */
  softmax(): void {
    const { logits, probabilities, size } = this;
    const maximum = this.finiteMaximum();
    let sum = 0;
    for (let i = 0; i < size; i++) {
      const value = expf(fround(logits[i] - maximum));
      probabilities[i] = value;
      sum = fround(sum + value);
    }
    for (let i = 0; i < size; i++) probabilities[i] /= sum;
  }

  /** Entries below `end` are no longer where `load()` put them. */
  private moved(end: number): void {
    if (end > this.movedEnd) this.movedEnd = end;
  }

  /**
   * Counting sort by buckets of equal width over -10 to 10 (the outer ones open), then the buckets that the `count` largest reach
   * into are sorted one by one.
   */
  private orderTopByBuckets(count: number, order: Int32Array): void {
    const { logits, size, bucketEnd } = this;
    const bucketOf = (this.bucketOf ??= new Uint8Array(this.capacity));
    bucketEnd.fill(0);
    for (let i = 0; i < size; i++) {
      const scaled = truncateToInt32(fround(fround(BUCKET_SCALE * logits[i]) + BUCKET_OFFSET));
      const bucket = scaled < 0 ? 0 : scaled >= BUCKET_COUNT ? BUCKET_COUNT - 1 : scaled;
      bucketOf[i] = bucket;
      bucketEnd[bucket]++;
    }
    let lowest = BUCKET_COUNT - 1;
    let reached = bucketEnd[lowest];
    while (reached < count) reached += bucketEnd[--lowest];

    for (let bucket = BUCKET_COUNT - 1, start = 0; bucket >= lowest; bucket--) {
      const length = bucketEnd[bucket];
      bucketEnd[bucket] = start;
      start += length;
    }
    for (let i = 0; i < size; i++) if (bucketOf[i] >= lowest) order[bucketEnd[bucketOf[i]]++] = i;
    let start = 0;
    for (let bucket = BUCKET_COUNT - 1; bucket > lowest; bucket--) {
      sortDescending(order, start, bucketEnd[bucket], logits);
      start = bucketEnd[bucket];
    }
    partialSortDescending(order, start, count, reached, logits);
  }
}
