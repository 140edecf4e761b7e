import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { ConstantPool } from './constant-pool.js';
import { codeFlip, DotAccumulator, planeCount, productModeFor, stepsAtOnce } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { TILE_SIGNATURE, type TileRef } from './emit-driver.js';
import { maddFor } from './madd.js';
import { Fence } from './fence.js';
import { GroupActivations, type ProductSpec } from './group-activations.js';
import { IntegerScales } from './integer-scales.js';
import { unpackedLayout } from './quant-scratch.js';
import { GROUP_STEPS, PAIR_BYTES, STEP_VALUES } from './quant-spec.js';
import { emitStartTile, emitStoreTile } from './store-rows.js';

/** Products of `panels` unpacked panels (1 or 2) and `tokens` rows of activations, all in registers; the order of sums is that of the matrix-vector kernel. */
export function emitTile(
  module: ModuleBuilder,
  name: string,
  spec: ProductSpec,
  build: KernelBuild,
  panels: number,
  tokens: number,
): TileRef {
  return module.function(
    `${name}.tile${panels}x${tokens}`,
    TILE_SIGNATURE,
    (f, first, second, activations, xStride, groups, output, outputStride, lastRows, continued, spare) => {
      const mode = productModeFor(build.dot, spec.maxCode);
      const layout = unpackedLayout(spec, mode);
      const constants = new ConstantPool(module, f);
      constants.hold(DotAccumulator.constants(mode, spec.maxCode));
      const madd = maddFor(build);
      const offset = spec.offset - codeFlip(mode, spec.maxCode);
      const xAt = Array.from({ length: tokens }, (_, t) =>
        t === 0 ? activations : f.local('i32', i32.add(activations, i32.mul(xStride, t))),
      );
      const atOnce = stepsAtOnce(mode, spec.maxCode);
      const panelAt = [first, second].slice(0, panels);
      const rows = panelAt.flatMap((panel) =>
        [0, 1].map((half) => ({
          panel,
          half,
          codes: Array.from({ length: atOnce }, () => f.locals('v128', planeCount(mode))),
          scale: f.local('v128'),
          minimum: f.local('v128'),
          integers: layout.integers && new IntegerScales(f, spec),
        })),
      );
      const sums = xAt.map(() => f.locals('v128', rows.length));
      const dots = xAt.map(() => rows.map(() => new DotAccumulator(f, constants, mode, spec.maxCode)));
      const x = f.locals('v128', atOnce);
      const groupActivations = xAt.map(() => new GroupActivations(f, spec, offset, mode));
      const subSteps = spec.subValues / STEP_VALUES;
      const fence = new Fence(f, module, build);
      emitStartTile(f, output, outputStride, sums, continued);
      f.loop((again) => {
        groupActivations.forEach((a, t) => a.readInitials(xAt[t], 0));
        for (const { panel, half, integers } of rows) if (layout.integers) integers?.load(panel, layout.integers, half);
        for (let step = 0; step < GROUP_STEPS; step += atOnce) {
          const sub = Math.floor(step / subSteps);
          for (const { panel, half, integers } of rows)
            if (layout.integers && step % subSteps === 0) integers?.loadMultiplier(panel, layout.integers, half, sub);
          for (const { panel, half, codes } of rows)
            codes
              .flat()
              .forEach((local, i) =>
                f.set(local, v128.load(panel, layout.stepBytes * step + PAIR_BYTES * i + 16 * half)),
              );
          xAt.forEach((address, t) => {
            x.forEach((local, next) =>
              f.set(local, DotAccumulator.activations(mode, address, STEP_VALUES * (step + next))),
            );
            dots[t].forEach((dot, r) => {
              const { codes, integers } = rows[r];
              if (step % subSteps === 0) {
                if (integers) integers.begin(dot, sub, groupActivations[t].halfSums);
                else dot.begin(groupActivations[t].initial(sub));
              }
              x.forEach((local, next) => dot.add(local, codes[next]));
            });
          });
          if ((step + atOnce) % (layout.integers ? GROUP_STEPS : subSteps) !== 0) {
            fence.emit(dots.flat().flatMap((dot) => dot.locals));
            continue;
          }
          const places = layout.integers
            ? [layout.integers.factor, layout.integers.minimumFactor]
            : [layout.scales, layout.minima].map((start) => start + PAIR_BYTES * sub);
          for (const { panel, half, scale } of rows) f.set(scale, v128.load(panel, places[0] + 16 * half));
          if (spec.minimum)
            for (const { panel, half, minimum } of rows) f.set(minimum, v128.load(panel, places[1] + 16 * half));
          groupActivations.forEach((a, t) => {
            if (sub === 0 || layout.integers) a.readScales(xAt[t], 0);
            rows.forEach(({ integers, scale, minimum }, r) => {
              const sum = sums[t][r];
              if (integers) return integers.finish(madd, sum, dots[t][r], scale, minimum, a.scale, a.halfSums);
              f.set(sum, madd(f32x4.convertI32x4S(dots[t][r].end()), f32x4.mul(scale, a.scale), sum));
              if (spec.minimum) f.set(sum, madd(minimum, a.scaledSum(sub), sum));
            });
          });
        }
        for (const panel of panelAt) f.advance(panel, layout.bytes);
        for (const address of xAt) f.advance(address, ACTIVATION_BLOCK.bytes);
        f.advance(groups, -1);
        f.branchIf(again, groups);
      });
      emitStoreTile(f, output, outputStride, sums, lastRows, spare);
    },
  );
}
