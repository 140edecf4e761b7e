import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import { MAX_TILE_PANELS } from './emit-driver.js';
import { HALF_ROWS, HALVES, PAIR_BYTES, PANEL_ROWS } from './quant-spec.js';
import { SPARE_BYTES } from './store-rows.js';

/*
 * Float matrices, in panels of 8 rows: pairs of vectors, lane r of half h is row 4 h + r.
 *
 * | format | pair i of a panel |
 * |---|---|
 * | F32 | column i |
 * | F16, BF16 | columns 2 i (low 16 bits of each lane) and 2 i + 1 (high 16 bits; 0 past the end) |
 *
 * Order of sums, for each row: the products of 32 columns one after another, then these sums one after another.
 */

export type FloatFormatName = 'F32' | 'F16' | 'BF16';

type Vector = Expr<'v128'>;

/** Columns that are summed on their own. */
export const FLOAT_BLOCK = 32;

/** Columns in one pair of vectors of a panel. */
export const columnsPerVector = (format: FloatFormatName): 1 | 2 => (format === 'F32' ? 1 : 2);

export function floatPanelBytes(format: FloatFormatName, cols: number): number {
  return PAIR_BYTES * Math.ceil(cols / columnsPerVector(format));
}

/** Columns that tiles work on at a time: two panels of them as F32 are half of the first-level cache. */
export const CHUNK_COLS = 256;
/** Bytes of a chunk of a panel as F32. */
export const UNPACKED_BYTES = PAIR_BYTES * CHUNK_COLS;

/** Bytes of scratch that `matmul` needs: chunks of two panels as F32. */
export function floatScratchBytes(format: FloatFormatName): number {
  return SPARE_BYTES + (format === 'F32' ? 0 : MAX_TILE_PANELS * UNPACKED_BYTES);
}

/** Emits: bytes of a panel of `cols` columns. */
export function emitFloatPanelBytes(format: FloatFormatName, cols: Local<'i32'>): Expr<'i32'> {
  return i32.mul(format === 'F32' ? cols : i32.shrU(i32.add(cols, 1), 1), PAIR_BYTES);
}

const HALF_BITS = 0x8fffe000 | 0;
/** 2^112 as a float. */
const HALF_SCALE_BITS = (112 + 127) << 23;
const UPPER_HALF = 0xffff0000 | 0;

/** Turns vectors of a panel into floats. Make it at the head of a function: it holds constants. */
export class FloatReader {
  private readonly mask: Local<'v128'> | undefined;
  private readonly scale: Local<'v128'> | undefined;

  constructor(f: CodeBuilder, module: ModuleBuilder, format: FloatFormatName) {
    const splat = (word: number): Local<'v128'> => f.local('v128', i32x4.splat(module.wordConstant(word)));
    if (format !== 'F32') this.mask = splat(format === 'F16' ? HALF_BITS : UPPER_HALF);
    if (format === 'F16') this.scale = splat(HALF_SCALE_BITS);
  }

  /** The columns in a vector. Half floats that are infinite or NaN are not kept as such. */
  columns(vector: Local<'v128'>): Vector[] {
    const { mask, scale } = this;
    if (mask && scale)
      return [i32x4.shl(vector, 16), vector].map((upper) => f32x4.mul(v128.and(i32x4.shrS(upper, 3), mask), scale));
    return mask ? [i32x4.shl(vector, 16), v128.and(vector, mask)] : [vector];
  }
}

/** Exports `pack.FORMAT`, see PACK_SIGNATURE: words of 4 rows side by side. */
export function emitFloatPack(module: ModuleBuilder, format: FloatFormatName): void {
  const params = ['i32', 'i32', 'i32', 'i32', 'i32'] as const;
  module.function(`pack.${format}`, { params, export: true }, (f, source, destination, rowBegin, rowEnd, cols) => {
    const rowBytes = f.local('i32', i32.mul(cols, 4 / columnsPerVector(format)));
    const to = f.local(
      'i32',
      i32.add(destination, i32.mul(i32.divU(rowBegin, PANEL_ROWS), emitFloatPanelBytes(format, cols))),
    );
    const left = f.local('i32', i32.sub(rowEnd, rowBegin));
    const bytes = f.local('i32');
    const rows = f.locals('i32', PANEL_ROWS);
    const words = f.locals('v128', PANEL_ROWS);
    const advance = (by: number): void => {
      for (const row of rows) f.advance(row, by);
      f.advance(to, PANEL_ROWS * by);
      f.advance(bytes, -by);
    };
    f.while(i32.gtS(left, 0), () => {
      rows.forEach((row, r) =>
        f.set(row, r === 0 ? source : i32.add(rows[r - 1], i32.select(i32.gtS(left, r), rowBytes, 0))),
      );
      f.set(bytes, rowBytes);
      f.while(i32.geU(bytes, 16), () => {
        rows.forEach((row, r) => f.set(words[r], v128.load(row)));
        for (let half = 0; half < HALVES; half++) {
          transposeWords(words.slice(HALF_ROWS * half, HALF_ROWS * (half + 1))).forEach((column, i) =>
            f.do(v128.store(to, column, PAIR_BYTES * i + 16 * half)),
          );
        }
        advance(16);
      });
      f.while(i32.geU(bytes, 4), () => {
        rows.forEach((row, r) => f.do(i32.store(to, i32.load(row), 4 * r)));
        advance(4);
      });
      f.if(bytes, () => {
        rows.forEach((row, r) => f.do(i32.store(to, i32.load16U(row), 4 * r)));
        f.advance(to, PAIR_BYTES);
      });
      f.advance(source, i32.mul(rowBytes, PANEL_ROWS));
      f.advance(left, -PANEL_ROWS);
    });
  });
}

/** Exports `unpackRow.FORMAT`: (weights, row, cols, output). */
export function emitFloatUnpackRow(module: ModuleBuilder, format: FloatFormatName): void {
  module.function(
    `unpackRow.${format}`,
    { params: ['i32', 'i32', 'i32', 'i32'], export: true },
    (f, weights, row, cols, output) => {
      const reader = new FloatReader(f, module, format);
      const word = f.local('v128');
      const panel = i32.add(weights, i32.mul(i32.divU(row, PANEL_ROWS), emitFloatPanelBytes(format, cols)));
      const from = f.local('i32', i32.add(panel, i32.shl(i32.and(row, PANEL_ROWS - 1), 2)));
      f.while(i32.gtS(cols, 0), () => {
        f.set(word, v128.load32Splat(from));
        const [first, second] = reader.columns(word);
        f.do(v128.store32Lane(output, first, 0));
        if (second) f.if(i32.gtS(cols, 1), () => f.do(v128.store32Lane(output, second, 0, 4)));
        f.advance(from, PAIR_BYTES);
        f.advance(output, 4 * columnsPerVector(format));
        f.advance(cols, -columnsPerVector(format));
      });
    },
  );
}

/** Words of four vectors exchanged: vector i of the result holds word i of each. */
export function transposeWords([a, b, c, d]: readonly Vector[]): Vector[] {
  const bytes = (word: number): number[] => [0, 1, 2, 3].map((byte) => 4 * word + byte);
  const pick = (x: Vector, y: Vector, words: readonly number[]): Vector => i8x16.shuffle(x, y, words.flatMap(bytes));
  const [ab0, ab1] = [pick(a, b, [0, 4, 1, 5]), pick(a, b, [2, 6, 3, 7])];
  const [cd0, cd1] = [pick(c, d, [0, 4, 1, 5]), pick(c, d, [2, 6, 3, 7])];
  return [
    pick(ab0, cd0, [0, 1, 4, 5]),
    pick(ab0, cd0, [2, 3, 6, 7]),
    pick(ab1, cd1, [0, 1, 4, 5]),
    pick(ab1, cd1, [2, 3, 6, 7]),
  ];
}
