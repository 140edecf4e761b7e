import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { packGroup } from './bit-layout.js';
import { ConstantPool } from './constant-pool.js';
import type { FileBlock } from './file-blocks.js';
import { transposeWords } from './float-panels.js';
import { blockLayout, groupBytes, HALF_ROWS, HALVES, PAIR_BYTES, PANEL_ROWS, type QuantSpec } from './quant-spec.js';

/** (source, destination, first row, end row, cols) */
const PACK_SIGNATURE = { params: ['i32', 'i32', 'i32', 'i32', 'i32'] } as const;

/**
 * Exports `pack.NAME`: file bytes of the rows [rowBegin, rowEnd), which lie at `source`, to their place in the packed matrix at
 * `destination`. rowBegin is a multiple of 8, rowEnd too or the end of the matrix; rows missing in the last panel are copies of
 * the last row.
 */
export function emitPack(module: ModuleBuilder, name: string, spec: QuantSpec, file: FileBlock): void {
  module.function(
    `pack.${name}`,
    { ...PACK_SIGNATURE, export: true },
    (f, source, destination, rowBegin, rowEnd, cols) => {
      const layout = blockLayout(spec);
      const constants = new ConstantPool(module, f);
      const rows = f.locals('i32', PANEL_ROWS);
      const columns = Array.from({ length: HALF_ROWS }, () => f.locals('v128', 2));
      const steps = f.locals('v128', 8);
      const blocks = f.local('i32', i32.divU(cols, file.values));
      const rowBytes = f.local('i32', i32.mul(blocks, file.bytes));
      const to = f.local(
        'i32',
        i32.add(destination, i32.mul(i32.mul(i32.divU(rowBegin, PANEL_ROWS), blocks), layout.bytes)),
      );
      const left = f.local('i32', i32.sub(rowEnd, rowBegin));
      const count = f.local('i32');
      const bits = f.local('i32');
      f.while(i32.gtS(left, 0), () => {
        rows.forEach((row, r) =>
          f.set(row, r === 0 ? source : i32.add(rows[r - 1], i32.select(i32.gtS(left, r), rowBytes, 0))),
        );
        f.set(count, blocks);
        f.while(count, () => {
          for (let group = 0; group < layout.groups; group++) {
            for (let half = 0; half < HALVES; half++) {
              columns.forEach((local, r) =>
                file
                  .codes({ f, module }, rows[HALF_ROWS * half + r], group)
                  .forEach((codes, i) => f.set(local[i], codes)),
              );
              [0, 1].forEach((i) =>
                transposeWords(columns.map((local) => local[i])).forEach((step, s) => f.set(steps[4 * i + s], step)),
              );
              packGroup(f, constants, spec.bits, steps, to, layout.codes + group * groupBytes(spec) + 16 * half);
            }
          }
          rows.forEach((row, r) => packScales(row, r));
          for (const row of rows) f.advance(row, file.bytes);
          f.advance(to, layout.bytes);
          f.advance(count, -1);
        });
        f.advance(source, i32.mul(rowBytes, PANEL_ROWS));
        f.advance(left, -PANEL_ROWS);
      });

      /** A half float's 16 bits as a float, times the power of two of the format. */
      function toFloat(half: Expr<'i32'>): Expr<'f32'> {
        f.set(bits, half);
        const shifted = i32.or(i32.shl(i32.and(bits, 0x8000), 16), i32.shl(i32.and(bits, 0x7fff), 13));
        return f32.mul(f32.reinterpretI32(shifted), 2 ** (112 + (spec.factorExponent ?? 0)));
      }

      function packScales(row: Local<'i32'>, r: number): void {
        if (spec.scale === 'e8m0') f.do(i32.store8(to, file.factor(row, 0), r));
        else if (spec.scale === 'super') f.do(f32.store(to, toFloat(file.factor(row, 0)), 4 * r));
        else
          for (let sub = 0; 2 * PANEL_ROWS * sub < layout.minimumFactor; sub++)
            f.do(i32.store16(to, file.factor(row, sub), 2 * (PANEL_ROWS * sub + r)));
        if (file.minimumFactor) {
          const factor = file.minimumFactor(row);
          f.do(
            spec.scale === 'super'
              ? f32.store(to, toFloat(factor), layout.minimumFactor + 4 * r)
              : i32.store16(to, factor, layout.minimumFactor + 2 * r),
          );
        }
        for (let sub = 0; sub < layout.subs; sub++) {
          const place = PAIR_BYTES * (sub >> 2) + 4 * r + (sub & 3);
          if (file.subScale) f.do(i32.store8(to, file.subScale(row, sub), layout.subScales + place));
          if (file.subMinimum) f.do(i32.store8(to, file.subMinimum(row, sub), layout.subMinima + place));
        }
      }
    },
  );
}
