import type { RewrittenText } from '../text/rewritten-text.js';

/** Where a model writes the ids of a text. Reused from call to call; room is made before, so that writing is two stores. */
export class TokenSink {
  ids = new Uint32Array(1 << 10);
  /** `(capacity, 2)` while offsets are wanted, else empty. */
  offsets = new Uint32Array(0);
  count = 0;
  withOffsets = false;
  /** Whether the text may name control tokens. */
  parsesSpecial = false;

  /** Starts a new text. */
  begin(withOffsets: boolean, parsesSpecial: boolean): void {
    this.count = 0;
    this.parsesSpecial = parsesSpecial;
    this.withOffsets = withOffsets;
    if (withOffsets && this.offsets.length < this.ids.length * 2) this.offsets = new Uint32Array(this.ids.length * 2);
  }

  /** Makes room for `more` ids on top of those written. */
  reserve(more: number): void {
    const needed = this.count + more;
    if (needed <= this.ids.length) return;
    const capacity = Math.max(needed, this.ids.length * 2);
    const ids = new Uint32Array(capacity);
    ids.set(this.ids.subarray(0, this.count));
    this.ids = ids;
    if (!this.withOffsets) return;
    const offsets = new Uint32Array(capacity * 2);
    offsets.set(this.offsets.subarray(0, this.count * 2));
    this.offsets = offsets;
  }

  /** Writes one id that stands for the bytes `[start, end)` of the text; room must have been reserved. */
  push(id: number, start: number, end: number): void {
    const at = this.count++;
    this.ids[at] = id;
    if (this.withOffsets) {
      this.offsets[at * 2] = start;
      this.offsets[at * 2 + 1] = end;
    }
  }

  /** As `push`, after making room. */
  pushWithRoom(id: number, start: number, end: number): void {
    this.reserve(1);
    this.push(id, start, end);
  }

  /** Moves starts and ends before `start` there, for the ids from `from` on: a space that was put in front is no part of the text. */
  clampStarts(from: number, start: number): void {
    if (!this.withOffsets) return;
    for (let i = from * 2; i < this.count * 2; i++) {
      if (this.offsets[i] < start) this.offsets[i] = start;
    }
  }

  /** Replaces each offset of the ids from `from` on by what `origins` has for it: the text that was encoded is a changed copy. */
  mapOffsets(from: number, origins: Uint32Array): void {
    if (!this.withOffsets) return;
    for (let i = from * 2; i < this.count * 2; i++) this.offsets[i] = origins[this.offsets[i]];
  }

  /** As `mapOffsets`, for a copy that knows where its bytes come from. */
  mapRanges(from: number, text: RewrittenText): void {
    if (!this.withOffsets) return;
    const { offsets } = this;
    for (let i = from * 2; i < this.count * 2; i += 2) {
      const start = offsets[i];
      const end = offsets[i + 1];
      if (end > start) {
        offsets[i] = text.firstOrigin(start, end);
        offsets[i + 1] = text.lastOrigin(start, end);
      } else {
        offsets[i] = offsets[i + 1] = i === 0 ? 0 : offsets[i - 1];
      }
    }
  }

  /** Lets go of room that one huge text needed. */
  release(): void {
    if (this.ids.length <= 1 << 20) return;
    this.ids = new Uint32Array(1 << 10);
    this.offsets = new Uint32Array(0);
  }
}
