import { charClasses, WHITE_SPACE } from '../text/char-class.js';

/** What a set of characters is made of. */
export interface CharSetParts {
  /** Class bits, see `char-class.ts`. */
  readonly classes?: number;
  /** Single characters, and ranges of them as pairs of first and last. */
  readonly characters?: string;
  readonly ranges?: string;
  /** All characters but these. */
  readonly negated?: boolean;
}

/** A set of characters, as a bracket expression gives it. */
export class CharSet {
  private readonly ascii = new Uint8Array(0x80);
  private readonly classes = charClasses();
  private readonly bits: number;
  private readonly negated: boolean;
  /** First and last of each range beyond ASCII, ascending and apart. */
  private readonly ranges: Uint32Array;

  constructor({ classes = 0, characters = '', ranges = '', negated = false }: CharSetParts) {
    this.bits = classes;
    this.negated = negated;
    const pairs: [number, number][] = Array.from(characters, (c) => [codePoint(c), codePoint(c)]);
    const limits = Array.from(ranges, codePoint);
    for (let i = 0; i < limits.length; i += 2) pairs.push([limits[i], limits[i + 1]]);
    for (let cp = 0; cp < 0x80; cp++) {
      const inside = (this.classes[cp] & classes) !== 0 || pairs.some(([first, last]) => cp >= first && cp <= last);
      this.ascii[cp] = inside !== negated ? 1 : 0;
    }
    this.ranges = Uint32Array.from(joinRanges(pairs.filter(([, last]) => last >= 0x80)).flat());
  }

  has(cp: number): boolean {
    if (cp < 0x80) return this.ascii[cp] !== 0;
    const kind = this.classes[cp];
    // Ranges never hold white space: the reference takes it for an ASCII character before it compares.
    const inside = (kind & this.bits) !== 0 || ((kind & WHITE_SPACE) === 0 && this.inRanges(cp));
    return inside !== this.negated;
  }

  private inRanges(cp: number): boolean {
    const { ranges } = this;
    let low = 0;
    let high = ranges.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cp > ranges[middle * 2 + 1]) low = middle + 1;
      else high = middle;
    }
    return low * 2 < ranges.length && cp >= ranges[low * 2];
  }
}

/** Sorts ranges and joins those that overlap. */
function joinRanges(pairs: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = [];
  for (const [first, last] of [...pairs].sort((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1]) previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}
