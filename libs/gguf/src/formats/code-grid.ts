import { codebook, type CodebookName } from './codebooks.js';
import { CODEBOOK_TABLES, type CodebookTable } from './codebooks.table.js';

/**
 * Codewords looked at where the rounded values are none themselves. More find better ones seldom: of random groups by weights that differ a
 * hundredfold 24 leave the error within 0.1 % of a search through the whole book.
 */
const NEIGHBOURS = 24;

/**
 * A codebook in which the codeword nearest to given values is looked for.
 *
 * Each value is rounded to the nearest digit. If the digits are a codeword nothing is nearer, whatever the weights. If not, the codewords
 * that are nearest to the digits are compared; each row of digits has its list of those, made when it is first met.
 */
export class CodeGrid {
  readonly width: 4 | 8;
  /** What digits stand for, ascending. */
  readonly digits: readonly number[];
  /** (codewords, width) */
  readonly values: Int8Array;
  /** Nearest digit of each half step from the least digit on. */
  readonly #nearest: Uint8Array;
  /** By digits written as a number: the codeword they are, or -1. */
  readonly #codewords: Int16Array;
  /** Digits of the codewords, each as its place in `#costs`. */
  readonly #places: Uint8Array;
  /** (digits written as a number, NEIGHBOURS); a list that was not made begins with the same codeword twice. */
  readonly #lists: Uint16Array;
  readonly #count: number;
  /** (width, digits): what each digit costs at each place. */
  readonly #costs: Float64Array;

  private constructor(name: CodebookName) {
    const { digits, width }: CodebookTable = CODEBOOK_TABLES[name];
    this.digits = digits;
    this.width = width;
    this.values = codebook(name);
    this.#count = this.values.length / width;
    const [base, span] = [digits.length, digits[digits.length - 1] - digits[0]];
    this.#nearest = Uint8Array.from({ length: 2 * span + 1 }, (_, i) => this.#nearestTo(digits[0] + i / 2 + 0.25));
    this.#places = Uint8Array.from(this.values, (value, i) => (i % width) * base + digits.indexOf(value));
    this.#codewords = new Int16Array(base ** width).fill(-1);
    for (let codeword = 0; codeword < this.#count; codeword++) {
      let code = 0;
      for (let i = width - 1; i >= 0; i--) code = code * base + (this.#places[codeword * width + i] - i * base);
      this.#codewords[code] = codeword;
    }
    this.#lists = new Uint16Array(base ** width * NEIGHBOURS);
    this.#costs = new Float64Array(width * base);
  }

  static readonly #made = new Map<CodebookName, CodeGrid>();

  /** The grid of a codebook, made at first use and then shared. */
  static of(name: CodebookName): CodeGrid {
    const known = CodeGrid.#made.get(name) ?? new CodeGrid(name);
    CodeGrid.#made.set(name, known);
    return known;
  }

  #nearestTo(value: number): number {
    return this.digits.reduce(
      (best, digit, i) => (Math.abs(value - digit) < Math.abs(value - this.digits[best]) ? i : best),
      0,
    );
  }

  /** The digit nearest to a value, by its number. */
  digitOf(value: number): number {
    const half = (value - this.digits[0]) * 2;
    return half <= 0 ? 0 : half >= this.#nearest.length ? this.digits.length - 1 : this.#nearest[half | 0];
  }

  /**
   * The codeword for which the squares of what is between it and the values `y[from, from + width)`, each times its weight of `w` at
   * `weightsFrom` on, have the least sum that was found.
   */
  nearest(y: Float64Array, from: number, w: Float64Array, weightsFrom: number): number {
    const { width, digits } = this;
    const base = digits.length;
    let code = 0;
    for (let i = width - 1; i >= 0; i--) code = code * base + this.digitOf(y[from + i]);
    const itself = this.#codewords[code];
    if (itself >= 0) return itself;
    const costs = this.#costs;
    for (let i = 0, at = 0; i < width; i++) {
      const [value, weight] = [y[from + i], w[weightsFrom + i]];
      for (let digit = 0; digit < base; digit++, at++) {
        const difference = value - digits[digit];
        costs[at] = weight * difference * difference;
      }
    }
    return this.#cheapest(this.#listOf(code), this.#places, costs);
  }

  /** The codeword of the list whose digits cost least together. */
  #cheapest(list: number, places: Uint8Array, costs: Float64Array): number {
    const { width } = this;
    let best = this.#lists[list];
    let least = Infinity;
    for (let k = list; k < list + NEIGHBOURS; k++) {
      const codeword = this.#lists[k];
      const at = codeword * width;
      let cost = costs[places[at]] + costs[places[at + 1]] + costs[places[at + 2]] + costs[places[at + 3]];
      if (width === 8)
        cost += costs[places[at + 4]] + costs[places[at + 5]] + costs[places[at + 6]] + costs[places[at + 7]];
      if (cost < least) [least, best] = [cost, codeword];
    }
    return best;
  }

  /** Where the list of the codewords nearest to a row of digits begins. */
  #listOf(code: number): number {
    const start = code * NEIGHBOURS;
    if (this.#lists[start] === this.#lists[start + 1]) this.#makeList(code, start);
    return start;
  }

  #makeList(code: number, start: number): void {
    const { width, digits, values } = this;
    const wanted = Array.from(
      { length: width },
      (_, i) => digits[Math.floor(code / digits.length ** i) % digits.length],
    );
    const distances = new Float64Array(NEIGHBOURS).fill(Infinity);
    for (let codeword = 0; codeword < this.#count; codeword++) {
      let distance = 0;
      for (let i = 0; i < width; i++) distance += (wanted[i] - values[codeword * width + i]) ** 2;
      if (distance >= distances[NEIGHBOURS - 1]) continue;
      let k = NEIGHBOURS - 1;
      for (; k > 0 && distances[k - 1] > distance; k--) {
        distances[k] = distances[k - 1];
        this.#lists[start + k] = this.#lists[start + k - 1];
      }
      distances[k] = distance;
      this.#lists[start + k] = codeword;
    }
  }
}
