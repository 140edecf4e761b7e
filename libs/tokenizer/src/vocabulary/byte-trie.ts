/** Byte strings with a value each, for walking along a text: open addressing over (node * 256 + byte, child). */
export class ByteTrie {
  private slots = new Int32Array(1 << 12);
  private mask = (1 << 11) - 1;
  private nodeCount = 1;
  private values = new Int32Array(1 << 10).fill(-1);

  /** The node of the empty string. */
  static readonly ROOT = 0;

  /** Adds a string; an equal one is replaced. */
  add(bytes: Uint8Array, start: number, end: number, value: number): void {
    let node = ByteTrie.ROOT;
    for (let i = start; i < end; i++) node = this.childOf(node, bytes[i]);
    this.values[node] = value;
  }

  /** The node that a byte leads to, or -1. */
  step(node: number, byte: number): number {
    const slot = this.slotOf(node * 256 + byte);
    return this.slots[slot + 1] - 1;
  }

  /** The value of the string that ends in a node, or -1. */
  valueAt(node: number): number {
    return this.values[node];
  }

  private childOf(node: number, byte: number): number {
    const key = node * 256 + byte;
    let slot = this.slotOf(key);
    if (this.slots[slot + 1] !== 0) return this.slots[slot + 1] - 1;
    if (this.nodeCount * 4 > this.slots.length) {
      this.rehash();
      slot = this.slotOf(key);
    }
    const child = this.nodeCount++;
    if (child === this.values.length) this.growValues();
    this.slots[slot] = key;
    this.slots[slot + 1] = child + 1;
    return child;
  }

  private slotOf(key: number): number {
    const { slots, mask } = this;
    const hash = Math.imul(key, 0x9e3779b1);
    for (let slot = (hash ^ (hash >>> 16)) & mask; ; slot = (slot + 1) & mask) {
      if (slots[slot * 2 + 1] === 0 || slots[slot * 2] === key) return slot * 2;
    }
  }

  private rehash(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    this.mask = this.slots.length / 2 - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      const slot = this.slotOf(old[i]);
      this.slots[slot] = old[i];
      this.slots[slot + 1] = old[i + 1];
    }
  }

  private growValues(): void {
    const values = new Int32Array(this.values.length * 2).fill(-1);
    values.set(this.values);
    this.values = values;
  }
}
