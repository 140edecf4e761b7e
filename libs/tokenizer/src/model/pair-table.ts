/** Ranks of pairs of symbols, in one flat table: open addressing over (left, right, rank + 1). */
export class PairTable {
  private readonly slots: Int32Array;
  private readonly mask: number;

  /** @param count how many pairs it will hold at most */
  constructor(count: number) {
    let size = 16;
    while (size < count * 2) size *= 2;
    this.slots = new Int32Array(size * 3);
    this.mask = size - 1;
  }

  /** Sets the rank of a pair. */
  set(left: number, right: number, rank: number): void {
    const at = this.slotOf(left, right);
    this.slots[at] = left;
    this.slots[at + 1] = right;
    this.slots[at + 2] = rank + 1;
  }

  /** The rank of a pair, or -1. */
  find(left: number, right: number): number {
    return this.slots[this.slotOf(left, right) + 2] - 1;
  }

  private slotOf(left: number, right: number): number {
    const { slots, mask } = this;
    const hash = Math.imul(left, 0x2c1b3c6d) ^ Math.imul(right, 0x297a2d39);
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3;
      if (slots[at + 2] === 0 || (slots[at] === left && slots[at + 1] === right)) return at;
    }
  }
}
