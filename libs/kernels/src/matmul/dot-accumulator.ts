import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { i16x8, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import type { ConstantPool } from './constant-pool.js';
import type { DotMode } from './dot-mode.js';

type Vector = Expr<'v128'>;

/** Codes above this do not go through sums of 16 bits. */
const PAIRS_LIMIT = 63;
/** The largest product of a pair that 16 bits hold, by the largest activation, -128. */
const PAIR_CAPACITY = 32767 / (2 * 128);

const ZERO = v128.const(new Array<number>(16).fill(0));
const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD_WORDS = EVEN_WORDS.map((byte) => byte + 4);

/** What to add to stored codes, byte by byte, so that `mode` multiplies them exactly: Arm takes bytes above 127 as negative. */
export function codeFlip(mode: DotMode, maxCode: number): number {
  return mode === 'signed' && maxCode > 127 ? 0x80 : 0;
}

/** The way in which codes up to `maxCode` are multiplied in a build. */
export function dotModeFor(mode: DotMode, maxCode: number): DotMode {
  return mode === 'pairs' && maxCode > PAIRS_LIMIT ? 'words' : mode;
}

/**
 * One vector of integer sums: lane r is the sum over steps of 4 activations times 4 codes of row r.
 * All modes give the same integers.
 */
export class DotAccumulator {
  private readonly sums: Local<'v128'>;
  private readonly second: Local<'v128'> | undefined;
  private readonly codes: Local<'v128'> | undefined;
  /** Steps whose sums of pairs 16 bits hold: 8, 4 or 2. */
  readonly pairSteps: number;
  private started = 0;
  private flushed = false;
  private initial: Vector | undefined;

  /** @param mode as given by `dotModeFor` */
  constructor(
    private readonly f: CodeBuilder,
    private readonly constants: ConstantPool,
    private readonly mode: DotMode,
    maxCode: number,
  ) {
    this.sums = f.local('v128');
    if (mode === 'words' || mode === 'pairs') this.second = f.local('v128');
    if (mode === 'words') this.codes = f.local('v128');
    this.pairSteps = 2 ** Math.floor(Math.log2(Math.min(8, PAIR_CAPACITY / maxCode)));
  }

  /** Four activations at an address, in the form that `add` takes: keep it in a local to use it more than once. */
  static activations(mode: DotMode, address: Local<'i32'>, offset: number): Vector {
    const splat = v128.load32Splat(address, offset);
    return mode === 'words' ? i16x8.extendLowI8x16S(splat) : splat;
  }

  /** Constants that every function which uses accumulators should hold. */
  static constants(mode: DotMode, maxCode: number): { bytes?: number[]; words?: number[] } {
    if (mode === 'pairs') return { words: [0x00010001] };
    const flip = codeFlip(mode, maxCode);
    return flip ? { bytes: [flip] } : {};
  }

  /** The locals that hold the sum under way. */
  get locals(): readonly Local<'v128'>[] {
    const { second } = this;
    if (!second) return [this.sums];
    if (this.mode === 'words') return [this.sums, second];
    return [...(this.flushed ? [this.sums] : []), ...(this.started % this.pairSteps > 0 ? [second] : [])];
  }

  /** Begins a sum at `initial` (an expression that is used once), or at 0. */
  begin(initial?: Vector): void {
    this.started = 0;
    this.flushed = false;
    this.initial = initial;
  }

  /** sums += activations . codes */
  add(activations: Vector, codes: Vector): void {
    if (this.mode === 'words') {
      this.addWidened(activations, codes);
      return;
    }
    if (this.mode === 'pairs') this.addPairs(activations, codes);
    else this.f.set(this.sums, i32x4.relaxedDotI8x16I7x16AddS(activations, codes, this.started === 0 ? (this.initial ?? ZERO) : this.sums));
    this.started++;
  }

  /** The sums. */
  end(): Vector {
    const { second, initial } = this;
    if (this.mode === 'words' && second) {
      const total = i32x4.add(i8x16.shuffle(this.sums, second, EVEN_WORDS), i8x16.shuffle(this.sums, second, ODD_WORDS));
      return initial ? i32x4.add(total, initial) : total;
    }
    if (this.mode === 'pairs' && this.started % this.pairSteps > 0) this.flushPairs();
    return this.sums;
  }

  /** Codes of rows 0 and 1 in `sums`, of rows 2 and 3 in `second`: two partial sums of a row side by side. */
  private addWidened(activations: Vector, codes: Vector): void {
    const { f, codes: held } = this;
    if (!held) return;
    f.set(held, codes);
    this.addWords(activations, i16x8.extendLowI8x16U(held), i16x8.extendHighI8x16U(held));
  }

  /** The same in `words` mode, of codes that are 16 bits wide already: rows 0 and 1, rows 2 and 3. */
  addWords(activations: Vector, first: Vector, last: Vector): void {
    const { f, sums, second } = this;
    if (!second) return;
    const [low, high] = [i32x4.dotI16x8S(activations, first), i32x4.dotI16x8S(activations, last)];
    f.set(sums, this.started === 0 ? low : i32x4.add(sums, low));
    f.set(second, this.started === 0 ? high : i32x4.add(second, high));
    this.started++;
  }

  /** Sums of neighbouring products are collected in 16 bits as long as these hold them. */
  private addPairs(activations: Vector, codes: Vector): void {
    const { f, second } = this;
    if (!second) return;
    const inRun = this.started % this.pairSteps;
    const pairs = i16x8.relaxedDotI8x16I7x16S(activations, codes);
    f.set(second, inRun === 0 ? pairs : i16x8.add(second, pairs));
    if (inRun === this.pairSteps - 1) this.flushPairs();
  }

  private flushPairs(): void {
    const { f, sums, second } = this;
    if (!second) return;
    const words = i32x4.dotI16x8S(second, this.constants.words(0x00010001));
    const before = this.flushed ? sums : this.initial;
    f.set(sums, before ? i32x4.add(before, words) : words);
    this.flushed = true;
  }
}
