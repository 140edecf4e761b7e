/** The hash of a run of bytes that every table here uses. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash ^ (hash >>> 15);
}

/**
 * A fixed set of byte strings, each with its index: entry i is `bytes[offsets[i], offsets[i + 1])`. Open addressing over pairs of
 * (hash, index + 1); entries share the bytes they were read from. Of equal entries the last one added is found.
 */
export class ByteTable {
  private readonly slots: Int32Array;
  private readonly mask: number;

  constructor(
    readonly bytes: Uint8Array,
    readonly offsets: Uint32Array,
    capacity = offsets.length - 1,
  ) {
    let size = 16;
    while (size < capacity * 2) size *= 2;
    this.slots = new Int32Array(size * 2);
    this.mask = size - 1;
  }

  /** Makes entry `index` findable. */
  add(index: number): void {
    const start = this.offsets[index];
    const end = this.offsets[index + 1];
    const hash = hashBytes(this.bytes, start, end);
    let slot = this.slotOf(hash, this.bytes, start, end);
    slot = slot < 0 ? ~slot : slot;
    this.slots[slot] = hash;
    this.slots[slot + 1] = index + 1;
  }

  /** The index of an entry, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.findHashed(hashBytes(bytes, start, end), bytes, start, end);
  }

  /** As `find`, with the hash already known. */
  findHashed(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.slotOf(hash, bytes, start, end);
    return slot < 0 ? -1 : this.slots[slot + 1] - 1;
  }

  /** The slot that holds the bytes, or the complement of the free slot where they belong. */
  private slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const { slots, mask, offsets } = this;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot * 2 + 1] - 1;
      if (index < 0) return ~(slot * 2);
      if (slots[slot * 2] !== hash) continue;
      const from = offsets[index];
      if (offsets[index + 1] - from !== end - start) continue;
      if (equalBytes(this.bytes, from, bytes, start, end)) return slot * 2;
    }
  }
}

/** Whether `b[start, end)` stands at `from` in `a`. */
export function equalBytes(a: Uint8Array, from: number, b: Uint8Array, start: number, end: number): boolean {
  for (let i = start, j = from; i < end; i++, j++) {
    if (a[j] !== b[i]) return false;
  }
  return true;
}
