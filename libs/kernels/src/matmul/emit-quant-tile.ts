import type { Expr } from '../wasm/expression.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { ConstantPool } from './constant-pool.js';
import { codeFlip, DotAccumulator, planeCount, productModeFor } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { TILE_SIGNATURE, type TileRef } from './emit-driver.js';
import { maddFor } from './madd.js';
import { Fence } from './fence.js';
import { GroupActivations, type ProductSpec } from './group-activations.js';
import { unpackedLayout } from './quant-scratch.js';
import { GROUP_STEPS, PAIR_BYTES, STEP_VALUES } from './quant-spec.js';
import { emitStartTile, emitStoreTile } from './store-rows.js';

/** Products of `panels` unpacked panels (1 or 2) and `tokens` rows of activations, all in registers; the order of sums is that of the matrix-vector kernel. */
export function emitTile(module: ModuleBuilder, name: string, spec: ProductSpec, build: KernelBuild, panels: number, tokens: number): TileRef {
  return module.function(`${name}.tile${panels}x${tokens}`, TILE_SIGNATURE, (f, first, second, activations, xStride, groups, output, outputStride, lastRows, continued) => {
    const mode = productModeFor(build.dot, spec.maxCode);
    const layout = unpackedLayout(spec, mode);
    const constants = new ConstantPool(module, f);
    constants.hold(DotAccumulator.constants(mode, spec.maxCode));
    const madd = maddFor(build);
    const offset = spec.offset - codeFlip(mode, spec.maxCode);
    const xAt = Array.from({ length: tokens }, (_, t) => (t === 0 ? activations : f.local('i32', i32.add(activations, i32.mul(xStride, t)))));
    const panelAt = [first, second].slice(0, panels);
    const rows = panelAt.flatMap((panel) => [0, 1].map((half) => ({ panel, half, codes: f.locals('v128', planeCount(mode)) })));
    const sums = xAt.map(() => f.locals('v128', rows.length));
    const dots = xAt.map(() => rows.map(() => new DotAccumulator(f, constants, mode, spec.maxCode)));
    const x = f.local('v128');
    const groupActivations = xAt.map(() => new GroupActivations(f, spec, offset));
    const subSteps = spec.subValues / STEP_VALUES;
    const fence = new Fence(f, module, build);
    // Where sums of pairs have just been added to those of words, there is less to keep.
    const fenceSteps = mode === 'pairs' && dots[0][0].pairSteps === 2 ? 2 : 1;
    emitStartTile(f, output, outputStride, sums, continued);
    f.loop((again) => {
      groupActivations.forEach((a, t) => a.readInitials(xAt[t], 0));
      for (let step = 0; step < GROUP_STEPS; step++) {
        const sub = Math.floor(step / subSteps);
        for (const { panel, half, codes } of rows) codes.forEach((local, i) => f.set(local, v128.load(panel, layout.stepBytes * step + PAIR_BYTES * i + 16 * half)));
        xAt.forEach((address, t) => {
          f.set(x, DotAccumulator.activations(mode, address, STEP_VALUES * step));
          dots[t].forEach((dot, r) => {
            if (step % subSteps === 0) dot.begin(groupActivations[t].initial(sub));
            dot.add(x, rows[r].codes);
          });
        });
        if ((step + 1) % subSteps !== 0) {
          if ((step + 1) % fenceSteps === 0) fence.emit(dots.flat().flatMap((dot) => dot.locals));
          continue;
        }
        groupActivations.forEach((a, t) => {
          if (sub === 0) a.readScales(xAt[t], 0);
          rows.forEach(({ panel, half }, r) => {
            const scale: Expr<'v128'> = f32x4.mul(v128.load(panel, layout.scales + PAIR_BYTES * sub + 16 * half), a.scale);
            f.set(sums[t][r], madd(f32x4.convertI32x4S(dots[t][r].end()), scale, sums[t][r]));
            if (spec.minimum) f.set(sums[t][r], madd(v128.load(panel, layout.minima + PAIR_BYTES * sub + 16 * half), a.scaledSum(sub), sums[t][r]));
          });
        });
      }
      for (const panel of panelAt) f.advance(panel, layout.bytes);
      for (const address of xAt) f.advance(address, ACTIVATION_BLOCK.bytes);
      f.advance(groups, -1);
      f.branchIf(again, groups);
    });
    emitStoreTile(f, output, outputStride, sums, lastRows);
  });
}
