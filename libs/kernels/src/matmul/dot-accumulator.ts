import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { i16x8, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import type { ConstantPool } from './constant-pool.js';
import type { DotMode } from './dot-mode.js';

type Vector = Expr<'v128'>;

/**
 * How codes of a format are multiplied in a build: as the build does, or, where its pairs would not fit in 16 bits, in two halves of 4 bits.
 * `nibbles` needs as many instructions as `words`, but takes bytes as they lie in memory, and engines join it to 256 bits.
 */
export type ProductMode = DotMode | 'nibbles';

/** Codes above this are multiplied in two halves. */
const PAIRS_LIMIT = 63;
/** The largest product of a pair that 16 bits hold, by the largest activation, -128. */
const PAIR_CAPACITY = 32767 / (2 * 128);
const NIBBLE = 15;

const ZERO = v128.const(new Array<number>(16).fill(0));
const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD_WORDS = EVEN_WORDS.map((byte) => byte + 4);
/** Pairs of 16-bit numbers: 1 and 1; 16 and 16. */
const ONES = 0x00010001;
const SIXTEENS = 0x00100010;

/** What to add to stored codes, byte by byte, so that `mode` multiplies them exactly: Arm takes bytes above 127 as negative. */
export function codeFlip(mode: ProductMode, maxCode: number): number {
  return mode === 'signed' && maxCode > 127 ? 0x80 : 0;
}

/** The way in which codes up to `maxCode` are multiplied in a build. */
export function productModeFor(mode: DotMode, maxCode: number): ProductMode {
  return mode === 'pairs' && maxCode > PAIRS_LIMIT ? 'nibbles' : mode;
}

/** Vectors that a step's codes are multiplied as. */
export function planeCount(mode: ProductMode): 1 | 2 {
  return mode === 'words' || mode === 'nibbles' ? 2 : 1;
}

/** A step's codes in the form that accumulators take. @param constants should hold `DotAccumulator.constants` */
export function codePlanes(
  mode: ProductMode,
  maxCode: number,
  constants: ConstantPool,
  codes: Local<'v128'>,
): readonly Vector[] {
  if (mode === 'words') return [i16x8.extendLowI8x16U(codes), i16x8.extendHighI8x16U(codes)];
  if (mode === 'nibbles')
    return [v128.and(codes, constants.bytes(NIBBLE)), v128.and(i16x8.shrU(codes, 4), constants.bytes(NIBBLE))];
  const flip = codeFlip(mode, maxCode);
  return [flip ? v128.xor(codes, constants.bytes(flip)) : codes];
}

/**
 * Steps that are best added one right after another for the same sum: where 16 bits hold two pairs only, these need no register of their
 * own while other sums have their turn.
 */
export function stepsAtOnce(mode: ProductMode, maxCode: number): 1 | 2 {
  return mode === 'pairs' && pairStepsOf(maxCode) === 2 ? 2 : 1;
}

/** Steps whose sums of pairs 16 bits hold: 8, 4 or 2. */
const pairStepsOf = (maxCode: number): number => 2 ** Math.floor(Math.log2(Math.min(8, PAIR_CAPACITY / maxCode)));

/**
 * One vector of integer sums: lane r is the sum over steps of 4 activations times 4 codes of row r.
 * All modes give the same integers.
 */
export class DotAccumulator {
  private readonly sums: Local<'v128'>;
  private readonly second: Local<'v128'> | undefined;
  private readonly pairSteps: number;
  private started = 0;
  /** Steps whose pairs are still to be added to the sums. */
  private pending = 0;
  private flushed = false;
  private initial: Vector | undefined;
  private multiplier: Vector | undefined;

  /** @param mode as given by `productModeFor` */
  constructor(
    private readonly f: CodeBuilder,
    private readonly constants: ConstantPool,
    private readonly mode: ProductMode,
    maxCode: number,
  ) {
    this.sums = f.local('v128');
    if (mode === 'words' || mode === 'pairs' || mode === 'nibbles') this.second = f.local('v128');
    this.pairSteps = pairStepsOf(maxCode);
  }

  /** Four activations at an address, in the form that `add` takes: keep it in a local to use it more than once. */
  static activations(mode: ProductMode, address: Local<'i32'>, offset: number): Vector {
    const splat = v128.load32Splat(address, offset);
    return mode === 'words' ? i16x8.extendLowI8x16S(splat) : splat;
  }

  /** Constants that every function which uses accumulators should hold. */
  static constants(mode: ProductMode, maxCode: number): { bytes?: number[]; words?: number[] } {
    if (mode === 'pairs') return { words: [ONES] };
    if (mode === 'nibbles') return { bytes: [NIBBLE], words: [ONES, SIXTEENS] };
    const flip = codeFlip(mode, maxCode);
    return flip ? { bytes: [flip] } : {};
  }

  /** The locals that hold the sum under way. */
  get locals(): readonly Local<'v128'>[] {
    const { second } = this;
    if (!second) return [this.sums];
    if (this.mode !== 'pairs') return [this.sums, second];
    return [...(this.flushed ? [this.sums] : []), ...(this.pending > 0 ? [second] : [])];
  }

  /** Begins a sum at `initial` (an expression that is used once), or at 0. */
  begin(initial?: Vector): void {
    this.started = 0;
    this.flushed = false;
    this.initial = initial;
    this.multiplier = undefined;
  }

  /** In mode `pairs`: what is added from here on is multiplied by pairs of 16-bit numbers, each pair of products by one. */
  multiplyBy(multiplier: Vector): void {
    if (this.pending > 0) this.flushPairs();
    this.multiplier = multiplier;
  }

  /** sums += activations . codes @param planes as `codePlanes` gives them; used once each */
  add(activations: Vector, planes: readonly Vector[]): void {
    const { f, mode, sums, second } = this;
    const isFirst = this.started === 0;
    if (mode === 'pairs') this.addPairs(activations, planes[0]);
    else if (second) {
      const multiply = (codes: Vector): Vector =>
        mode === 'words' ? i32x4.dotI16x8S(activations, codes) : i16x8.relaxedDotI8x16I7x16S(activations, codes);
      const plus = mode === 'words' ? i32x4.add : i16x8.add;
      [sums, second].forEach((local, i) =>
        f.set(local, isFirst ? multiply(planes[i]) : plus(local, multiply(planes[i]))),
      );
    } else f.set(sums, i32x4.relaxedDotI8x16I7x16AddS(activations, planes[0], isFirst ? (this.initial ?? ZERO) : sums));
    this.started++;
  }

  /** The sums. */
  end(): Vector {
    const { constants, initial, mode, second, sums } = this;
    const fromInitial = (total: Vector): Vector => (initial ? i32x4.add(initial, total) : total);
    if (mode === 'words' && second)
      return fromInitial(i32x4.add(i8x16.shuffle(sums, second, EVEN_WORDS), i8x16.shuffle(sums, second, ODD_WORDS)));
    if (mode === 'nibbles' && second)
      return i32x4.add(
        fromInitial(i32x4.dotI16x8S(sums, constants.words(ONES))),
        i32x4.dotI16x8S(second, constants.words(SIXTEENS)),
      );
    if (this.pending > 0) this.flushPairs();
    return sums;
  }

  /** Sums of neighbouring products are collected in 16 bits as long as these hold them. */
  private addPairs(activations: Vector, codes: Vector): void {
    const { f, second } = this;
    if (!second) return;
    const pairs = i16x8.relaxedDotI8x16I7x16S(activations, codes);
    f.set(second, this.pending === 0 ? pairs : i16x8.add(second, pairs));
    if (++this.pending === this.pairSteps) this.flushPairs();
  }

  private flushPairs(): void {
    const { f, sums, second } = this;
    if (!second) return;
    const words = i32x4.dotI16x8S(second, this.multiplier ?? this.constants.words(ONES));
    const before = this.flushed ? sums : this.initial;
    f.set(sums, before ? i32x4.add(before, words) : words);
    this.flushed = true;
    this.pending = 0;
  }
}
