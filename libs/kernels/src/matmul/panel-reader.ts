import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { f32x4, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import { BIT_LAYOUTS, layoutMasks, unpackChunk } from './bit-layout.js';
import type { ConstantPool } from './constant-pool.js';
import { codePlanes, productModeFor, type ProductMode } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import {
  blockLayout,
  groupBytes,
  HALF_ROWS,
  PAIR_BYTES,
  PANEL_ROWS,
  type BlockLayout,
  type QuantSpec,
} from './quant-spec.js';

type Vector = Expr<'v128'>;

/** The bits of a half float's sign, exponent and mantissa after `<< 13` of the sign-extended number: a float 2^112 times too small. */
const HALF_BITS = 0x8fffe000 | 0;
const HALF_SCALE = 2 ** 112;

/** Four half floats as floats; constants from the pool. Infinities and NaN are not kept. */
function loadHalves(constants: ConstantPool, address: Expr<'i32'>, offset: number): Vector {
  return f32x4.mul(
    v128.and(i32x4.shl(v128.load16x4S(address, offset), 13), constants.words(HALF_BITS)),
    constants.floats(HALF_SCALE),
  );
}

/** Emits the reading of panel blocks: codes, scales and minima of the four rows of one half. */
export class PanelReader {
  readonly layout: BlockLayout;
  /** Vectors that one chunk of codes comes from, for each of the parts that are read at a time. */
  private readonly temporaries: readonly Local<'v128'>[][];
  private readonly table: Local<'v128'> | undefined;
  private readonly mode: ProductMode;
  /** Where codes are multiplied in two halves: tables of the low and of the high halves, so that each is one look-up. */
  private readonly halfTables: readonly Local<'v128'>[] | undefined;

  /** Emits the loading of constants: make it at the head of a function. */
  constructor(
    private readonly f: CodeBuilder,
    private readonly constants: ConstantPool,
    private readonly build: KernelBuild,
    readonly spec: QuantSpec,
    tableConstant: (bytes: readonly number[]) => Vector,
    parts = 2,
  ) {
    this.layout = blockLayout(spec);
    constants.hold({ bytes: layoutMasks(spec.bits) });
    if (spec.scale === 'f16') constants.hold({ words: [HALF_BITS], floats: [HALF_SCALE] });
    if (spec.scale === 'super' && !spec.signedScales) constants.hold({ words: [255] });
    this.temporaries = Array.from({ length: parts }, () => f.locals('v128', BIT_LAYOUTS[spec.bits][0].vectors.length));
    this.mode = productModeFor(build.dot, spec.maxCode);
    const { table } = spec;
    if (table) this.table = f.local('v128', tableConstant(table));
    if (table && this.mode === 'nibbles')
      this.halfTables = [0, 4].map((shift) =>
        f.local('v128', tableConstant(table.map((code) => (code >> shift) & 15))),
      );
  }

  /** Chunks of a group, and steps in each. */
  get chunks(): number {
    return BIT_LAYOUTS[this.spec.bits].length;
  }

  get chunkSteps(): number {
    return BIT_LAYOUTS[this.spec.bits][0].steps.length;
  }

  /** Codes (0..maxCode) of the steps of a chunk, to be used once each, in order, and before the same part is read again. */
  codes(block: Local<'i32'>, group: number, chunk: number, half: number, part = half): Vector[] {
    const { table } = this;
    const stored = this.stored(block, group, chunk, half, part);
    return table ? stored.map((bits) => this.lookUp(table, bits)) : stored;
  }

  /** The same as far as `planes` wants them. */
  operands(block: Local<'i32'>, group: number, chunk: number, half: number, part = half): Vector[] {
    return this.halfTables ? this.stored(block, group, chunk, half, part) : this.codes(block, group, chunk, half, part);
  }

  /** A step's operands in the form that accumulators take. */
  planes(operands: Local<'v128'>): readonly Vector[] {
    return (
      this.halfTables?.map((table) => this.lookUp(table, operands)) ??
      codePlanes(this.mode, this.spec.maxCode, this.constants, operands)
    );
  }

  /** The bits that stand for the codes. */
  private stored(block: Local<'i32'>, group: number, chunk: number, half: number, part: number): Vector[] {
    const offset = this.layout.codes + group * groupBytes(this.spec) + 16 * half;
    return unpackChunk(
      this.f,
      this.constants,
      BIT_LAYOUTS[this.spec.bits][chunk],
      this.temporaries[part],
      block,
      offset,
    );
  }

  private lookUp(table: Local<'v128'>, bits: Vector): Vector {
    return this.build.relaxed ? i8x16.relaxedSwizzle(table, bits) : i8x16.swizzle(table, bits);
  }

  /** The rows' factors: what the scales of a block have in common. Undefined if the block has one scale only. */
  factor(block: Local<'i32'>, half: number): Vector | undefined {
    return this.spec.scale === 'super' ? v128.load(block, 16 * half) : undefined;
  }

  minimumFactor(block: Local<'i32'>, half: number): Vector | undefined {
    return this.spec.scale === 'super' && this.spec.minimum
      ? v128.load(block, this.layout.minimumFactor + 16 * half)
      : undefined;
  }

  /** Scales of the rows for the columns [sub * subValues, (sub + 1) * subValues) of the block. @param factor a local with `factor` */
  scale(block: Local<'i32'>, sub: number, factor: Local<'v128'> | undefined, half: number): Vector {
    const { spec } = this;
    if (factor) return f32x4.mul(factor, f32x4.convertI32x4S(this.subByte(block, 'scales', sub, half)));
    if (spec.scale === 'f16') return loadHalves(this.constants, block, 2 * (PANEL_ROWS * sub + HALF_ROWS * half));
    const exponents = v128.load8x8U(block);
    return i32x4.shl(half === 0 ? i32x4.extendLowI16x8U(exponents) : i32x4.extendHighI16x8U(exponents), 23);
  }

  /** Minima, likewise. */
  minimum(block: Local<'i32'>, sub: number, factor: Local<'v128'> | undefined, half: number): Vector {
    if (factor) return f32x4.mul(factor, f32x4.convertI32x4S(this.subByte(block, 'minima', sub, half)));
    return loadHalves(this.constants, block, this.layout.minimumFactor + 2 * HALF_ROWS * half);
  }

  /** The byte of each row for sub-block `sub` of a super-block, as 32-bit numbers. The load is shifted by bytes so that the one wanted is the lowest, or the highest, of its word. */
  subByte(block: Local<'i32'>, kind: 'scales' | 'minima', sub: number, half: number): Vector {
    const { layout, spec } = this;
    const word =
      (kind === 'scales' ? layout.subScales : layout.subMinima) + PAIR_BYTES * (sub >> 2) + 16 * half + (sub & 3);
    const signed = kind === 'scales' && spec.signedScales;
    return signed
      ? i32x4.shrS(v128.load(block, word - 3), 24)
      : v128.and(v128.load(block, word), this.constants.words(255));
  }
}
