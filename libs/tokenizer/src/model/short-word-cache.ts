const SLOTS = 1 << 12;

/** Words of up to so many bytes are kept here. */
export const MAX_SHORT_WORD_BYTES = 16;

/** How much of each of the four 4-byte parts of a word belongs to it, by length: `(17, 4)`. */
export const PART_MASKS = new Int32Array((MAX_SHORT_WORD_BYTES + 1) * 4);
for (let length = 0; length <= MAX_SHORT_WORD_BYTES; length++) {
  for (let part = 0; part < 4; part++) {
    const bytes = Math.min(4, Math.max(0, length - part * 4));
    PART_MASKS[length * 4 + part] = bytes === 4 ? -1 : (1 << (bytes * 8)) - 1;
  }
}

/**
 * The words met last, one a slot: (four 4-byte parts of the word, what it is). The parts, zero beyond the end, are the word itself, so a
 * hit needs no look at the text; words that end in a zero byte are left out, as they would look like shorter ones. What a word is: an
 * id plus 1, or the complement of a position in the results of the word cache; 0 for an empty slot.
 */
export class ShortWordCache {
  private readonly slots = new Int32Array(SLOTS * 5);

  /** What the word with these parts is, or 0. */
  find(a: number, b: number, c: number, d: number): number {
    const { slots } = this;
    const at = slotOf(a, b, c, d);
    return slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d ? slots[at + 4] : 0;
  }

  /** Puts a word in its slot, in place of what is there. */
  set(a: number, b: number, c: number, d: number, value: number): void {
    const { slots } = this;
    const at = slotOf(a, b, c, d);
    slots[at] = a;
    slots[at + 1] = b;
    slots[at + 2] = c;
    slots[at + 3] = d;
    slots[at + 4] = value;
  }

  clear(): void {
    this.slots.fill(0);
  }
}

function slotOf(a: number, b: number, c: number, d: number): number {
  const hash =
    Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f);
  return ((hash ^ (hash >>> 15)) & (SLOTS - 1)) * 5;
}
