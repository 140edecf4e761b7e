import type { Expr } from '../wasm/expression.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import { ConstantPool } from './constant-pool.js';
import { DotAccumulator, productModeFor } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { UNPACK_SIGNATURE, type UnpackRef } from './emit-driver.js';
import { hasIntegerScales, IntegerScales, integerScaleConstants } from './integer-scales.js';
import { unpackedLayout } from './quant-scratch.js';
import { PanelReader } from './panel-reader.js';
import {
  GROUP_STEPS,
  GROUP_VALUES,
  HALF_ROWS,
  HALVES,
  PAIR_BYTES,
  panelBytes,
  PANEL_ROWS,
  STEP_VALUES,
  type QuantSpec,
} from './quant-spec.js';

/** Writes a panel in the form that tiles work on, see `unpackedLayout`. */
export function emitUnpack(module: ModuleBuilder, name: string, spec: QuantSpec, build: KernelBuild): UnpackRef {
  return module.function(`${name}.unpack`, UNPACK_SIGNATURE, (f, block, to, blocks) => {
    const mode = productModeFor(build.dot, spec.maxCode);
    const constants = new ConstantPool(module, f);
    constants.hold(DotAccumulator.constants(mode, spec.maxCode));
    if (hasIntegerScales(spec, mode)) constants.hold(integerScaleConstants);
    const reader = new PanelReader(f, constants, build, spec, (bytes) => module.vectorConstant(bytes));
    const layout = unpackedLayout(spec, mode);
    const isSuper = spec.scale === 'super';
    const factors = f.locals('v128', HALVES);
    const minimumFactors = f.locals('v128', HALVES);
    const subsPerGroup = GROUP_VALUES / spec.subValues;
    // Both halves are computed before either is stored, so that V8 can join them.
    const pair = f.locals('v128', HALVES);
    const storePair = (halves: readonly Expr<'v128'>[], offset: number): void => {
      halves.forEach((value, half) => f.set(pair[half], value));
      pair.forEach((value, half) => f.do(v128.store(to, value, offset + 16 * half)));
    };
    const held = f.locals('v128', HALVES);
    const storeCodes = (halves: readonly Expr<'v128'>[], offset: number): void => {
      halves.forEach((codes, half) => f.set(held[half], codes));
      const planes = held.map((codes) => reader.planes(codes));
      planes[0].forEach((_, i) =>
        storePair(
          planes.map((plane) => plane[i]),
          offset + PAIR_BYTES * i,
        ),
      );
    };
    const integers = layout.integers && [0, 1].map(() => new IntegerScales(f, spec));
    const storeIntegerScales = (group: number, at: number): void => {
      if (!integers || !layout.integers) return;
      const places = layout.integers;
      integers.forEach((scales, half) => scales.read(reader, constants, block, group, half));
      const storeBoth = (of: (scales: IntegerScales) => Expr<'v128'> | undefined, offset: number): void => {
        const values = integers.flatMap((scales) => of(scales) ?? []);
        if (values.length > 0) storePair(values, at + offset);
      };
      for (const sub of [0, 1]) storeBoth(({ multipliers }) => multipliers[sub], places.multipliers + PAIR_BYTES * sub);
      storeBoth(({ offsets }) => offsets, places.offsets);
      storeBoth(({ minima }) => minima, places.minima);
      storePair(factors, at + places.factor);
      if (spec.minimum) storePair(minimumFactors, at + places.minimumFactor);
    };
    f.loop((again) => {
      for (let half = 0; half < HALVES; half++) {
        const [scale, minimum] = [reader.factor(block, half), reader.minimumFactor(block, half)];
        if (scale) f.set(factors[half], scale);
        if (minimum) f.set(minimumFactors[half], minimum);
      }
      for (let group = 0; group < reader.layout.groups; group++) {
        const at = group * layout.bytes;
        for (let chunk = 0; chunk < reader.chunks; chunk++) {
          const codes = [0, 1].map((half) => reader.operands(block, group, chunk, half));
          codes[0].forEach((_, i) => {
            const step = chunk * reader.chunkSteps + i;
            storeCodes(
              codes.map((steps) => steps[i]),
              at + layout.stepBytes * step,
            );
          });
        }
        if (integers) {
          storeIntegerScales(group, at);
          continue;
        }
        for (let i = 0; i < subsPerGroup; i++) {
          const sub = group * subsPerGroup + i;
          storePair(
            [0, 1].map((half) => reader.scale(block, sub, isSuper ? factors[half] : undefined, half)),
            at + layout.scales + PAIR_BYTES * i,
          );
          if (spec.minimum)
            storePair(
              [0, 1].map((half) => reader.minimum(block, sub, isSuper ? minimumFactors[half] : undefined, half)),
              at + layout.minima + PAIR_BYTES * i,
            );
        }
      }
      f.advance(block, reader.layout.bytes);
      f.advance(to, layout.bytes * reader.layout.groups);
      f.advance(blocks, -1);
      f.branchIf(again, blocks);
    });
  });
}

/** (weights, row, cols, output) */
const UNPACK_ROW_SIGNATURE = { params: ['i32', 'i32', 'i32', 'i32'] } as const;

/**
 * Exports `unpackRow.NAME`: one row of the packed matrix as floats, `output` (cols). weight = scale * (code - offset) + minimum,
 * each operation rounded: the bits that dequantizing the file gives.
 */
export function emitUnpackRow(module: ModuleBuilder, name: string, spec: QuantSpec, build: KernelBuild): void {
  module.function(`unpackRow.${name}`, { ...UNPACK_ROW_SIGNATURE, export: true }, (f, weights, row, cols, output) => {
    const constants = new ConstantPool(module, f);
    const reader = new PanelReader(f, constants, build, spec, (bytes) => module.vectorConstant(bytes));
    const lane = f.local('i32', i32.shl(i32.and(row, HALF_ROWS - 1), 2));
    // Byte numbers that bring the row's 4 codes to the low byte of each word (others 0), and its float to all lanes.
    const codeLanes = f.local(
      'v128',
      i8x16.add(
        module.vectorConstant([0, 0x80, 0x80, 0x80, 1, 0x80, 0x80, 0x80, 2, 0x80, 0x80, 0x80, 3, 0x80, 0x80, 0x80]),
        i8x16.splat(lane),
      ),
    );
    const floatLanes = f.local(
      'v128',
      i8x16.add(module.vectorConstant([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]), i8x16.splat(lane)),
    );
    const offset = module.splatConstantI32(spec.offset);
    const [factor, minimumFactor] = f.locals('v128', 2);
    const scales = f.locals('v128', GROUP_VALUES / spec.subValues);
    const minima = f.locals('v128', GROUP_VALUES / spec.subValues);
    const panelsBefore = i32.divU(row, PANEL_ROWS);
    const blocks = f.local('i32', i32.divU(cols, spec.blockValues));
    const block = f.local(
      'i32',
      i32.add(weights, i32.mul(i32.mul(panelsBefore, blocks), panelBytes(spec, spec.blockValues))),
    );
    const emitHalf = (half: number): void => {
      const [scale, minimum] = [reader.factor(block, half), reader.minimumFactor(block, half)];
      if (scale) f.set(factor, scale);
      if (minimum) f.set(minimumFactor, minimum);
      for (let group = 0; group < reader.layout.groups; group++) {
        scales.forEach((local, i) => {
          const sub = group * scales.length + i;
          f.set(local, i8x16.swizzle(reader.scale(block, sub, scale && factor, half), floatLanes));
          if (spec.minimum)
            f.set(minima[i], i8x16.swizzle(reader.minimum(block, sub, minimum && minimumFactor, half), floatLanes));
        });
        for (let chunk = 0; chunk < reader.chunks; chunk++) {
          reader.codes(block, group, chunk, half).forEach((codes, i) => {
            const step = chunk * reader.chunkSteps + i;
            const sub = Math.floor((step * STEP_VALUES) / spec.subValues);
            const scaled = f32x4.mul(
              f32x4.convertI32x4S(i32x4.sub(i8x16.swizzle(codes, codeLanes), offset)),
              scales[sub],
            );
            f.do(
              v128.store(
                output,
                spec.minimum ? f32x4.add(scaled, minima[sub]) : scaled,
                16 * (group * GROUP_STEPS + step),
              ),
            );
          });
        }
      }
    };
    f.while(blocks, () => {
      f.if(
        i32.and(row, HALF_ROWS),
        () => emitHalf(1),
        () => emitHalf(0),
      );
      f.advance(block, reader.layout.bytes);
      f.advance(output, 4 * spec.blockValues);
      f.advance(blocks, -1);
    });
  });
}
