import { StarlingError } from '@starling/core';

const STATE_WORDS = 624;
const SHIFT_WORDS = 397;
const UPPER_BIT = 0x80000000;
const LOWER_BITS = 0x7fffffff;
const TWIST = 0x9908b0df;
const TWO_32 = 4294967296;
const LARGEST_DOUBLE_BELOW_ONE = 1 - 2 ** -53;
const LARGEST_FLOAT_BELOW_ONE = 1 - 2 ** -24;

/** Where a generator stands: its seed and how many 32-bit outputs it has given. */
export interface Mt19937State {
  readonly seed: number;
  readonly drawn: number;
}

/**
 * The 32-bit Mersenne Twister of Matsumoto and Nishimura (1998), seeded with 32 bits as `std::mt19937` is, with the uniform
 * numbers that the C++ standard library of GCC makes of it.
 */
export class Mt19937 {
  readonly seed: number;
  private readonly words = new Uint32Array(STATE_WORDS);
  private index = STATE_WORDS;
  private drawnOutputs = 0;

  /** `seed`: taken modulo 2^32. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.words[0] = this.seed;
    for (let i = 1; i < STATE_WORDS; i++) {
      const previous = this.words[i - 1] ^ (this.words[i - 1] >>> 30);
      this.words[i] = Math.imul(1812433253, previous) + i;
    }
  }

  /** How many 32-bit outputs were taken so far. */
  get drawn(): number {
    return this.drawnOutputs;
  }

  /** The next output, 0 to 2^32 - 1. */
  nextUint32(): number {
    if (this.index === STATE_WORDS) this.refill();
    this.drawnOutputs++;
    let y = this.words[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A double in [0, 1): outputs a then b as (a + b * 2^32) / 2^64. */
  nextDouble(): number {
    const low = this.nextUint32();
    const high = this.nextUint32();
    const value = (low + high * TWO_32) / (TWO_32 * TWO_32);
    return value < 1 ? value : LARGEST_DOUBLE_BELOW_ONE;
  }

  /** A single-precision number in [0, 1): one output, rounded to f32, divided by 2^32. */
  nextFloat(): number {
    const value = Math.fround(this.nextUint32()) / TWO_32;
    return value < 1 ? value : LARGEST_FLOAT_BELOW_ONE;
  }

  /** An independent generator that goes on with the same outputs. */
  fork(): Mt19937 {
    const copy = new Mt19937(this.seed);
    copy.words.set(this.words);
    copy.index = this.index;
    copy.drawnOutputs = this.drawnOutputs;
    return copy;
  }

  save(): Mt19937State {
    return { seed: this.seed, drawn: this.drawnOutputs };
  }

  /** The generator that `save()` described; takes time in proportion to `drawn` (some 100 million outputs a second). */
  static restore(state: Mt19937State): Mt19937 {
    if (!Number.isSafeInteger(state.drawn) || state.drawn < 0) {
      throw new StarlingError(
        'invalid_argument',
        `a saved generator needs a count of outputs of 0 or more, not ${state.drawn}`,
        {
          details: { drawn: state.drawn },
        },
      );
    }
    const generator = new Mt19937(state.seed);
    const refills = Math.ceil(state.drawn / STATE_WORDS);
    for (let i = 0; i < refills; i++) generator.refill();
    if (refills > 0) generator.index = state.drawn - (refills - 1) * STATE_WORDS;
    generator.drawnOutputs = state.drawn;
    return generator;
  }

  private refill(): void {
    const words = this.words;
    for (let i = 0; i < STATE_WORDS; i++) {
      const y = (words[i] & UPPER_BIT) | (words[(i + 1) % STATE_WORDS] & LOWER_BITS);
      words[i] = words[(i + SHIFT_WORDS) % STATE_WORDS] ^ (y >>> 1) ^ (y & 1 ? TWIST : 0);
    }
    this.index = 0;
  }
}
