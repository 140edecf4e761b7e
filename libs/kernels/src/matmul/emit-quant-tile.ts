import type { Expr } from '../wasm/expression.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { ConstantPool } from './constant-pool.js';
import { codeFlip, DotAccumulator, dotModeFor } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { TILE_SIGNATURE, type TileRef } from './emit-driver.js';
import { maddFor } from './madd.js';
import { GroupActivations, type ProductSpec } from './group-activations.js';
import { unpackedLayout } from './quant-scratch.js';
import { GROUP_STEPS, STEP_VALUES } from './quant-spec.js';
import { emitStoreRows } from './store-rows.js';

/** Products of `panels` unpacked panels (1 or 2) and `tokens` rows of activations, all in registers; the order of sums is that of the matrix-vector kernel. */
export function emitTile(module: ModuleBuilder, name: string, spec: ProductSpec, build: KernelBuild, panels: number, tokens: number): TileRef {
  return module.function(`${name}.tile${panels}x${tokens}`, TILE_SIGNATURE, (f, first, second, activations, xStride, groups, output, outputStride, lastRows) => {
    const mode = dotModeFor(build.dot, spec.maxCode);
    const layout = unpackedLayout(spec);
    const constants = new ConstantPool(module, f);
    constants.hold(DotAccumulator.constants(mode, spec.maxCode));
    const madd = maddFor(build);
    const offset = spec.offset - codeFlip(mode, spec.maxCode);
    const panelAt = [first, second].slice(0, panels);
    const xAt = Array.from({ length: tokens }, (_, t) => (t === 0 ? activations : f.local('i32', i32.add(activations, i32.mul(xStride, t)))));
    const sums = xAt.map(() => f.locals('v128', panels));
    const dots = xAt.map(() => panelAt.map(() => new DotAccumulator(f, constants, mode, spec.maxCode)));
    const codes = f.locals('v128', panels);
    const x = f.local('v128');
    const groupActivations = xAt.map(() => new GroupActivations(f, spec, offset));
    const subSteps = spec.subValues / STEP_VALUES;
    f.loop((again) => {
      groupActivations.forEach((a, t) => a.readOffsets(xAt[t], 0));
      for (let step = 0; step < GROUP_STEPS; step++) {
        const sub = Math.floor(step / subSteps);
        panelAt.forEach((panel, p) => f.set(codes[p], v128.load(panel, 16 * step)));
        xAt.forEach((address, t) => {
          f.set(x, DotAccumulator.activations(mode, address, STEP_VALUES * step));
          dots[t].forEach((dot, p) => {
            if (step % subSteps === 0) dot.begin(groupActivations[t].initial(sub));
            dot.add(x, codes[p]);
          });
        });
        if ((step + 1) % subSteps !== 0) continue;
        groupActivations.forEach((a, t) => {
          if (sub === 0) a.readScales(xAt[t], 0);
          panelAt.forEach((panel, p) => {
            const scale: Expr<'v128'> = f32x4.mul(v128.load(panel, layout.scales + 16 * sub), a.scale);
            f.set(sums[t][p], madd(f32x4.convertI32x4S(dots[t][p].end()), scale, sums[t][p]));
            if (spec.minimum) f.set(sums[t][p], madd(v128.load(panel, layout.minima + 16 * sub), a.scaledSum(sub), sums[t][p]));
          });
        });
      }
      for (const panel of panelAt) f.advance(panel, layout.bytes);
      for (const address of xAt) f.advance(address, ACTIVATION_BLOCK.bytes);
      f.advance(groups, -1);
      f.branchIf(again, groups);
    });
    const place = f.local('i32');
    sums.forEach((row) => {
      row.forEach((sum, p) => {
        f.set(place, i32.add(output, 16 * p));
        if (p === panels - 1) emitStoreRows(f, place, sum, lastRows);
        else f.do(v128.store(place, sum));
      });
      f.advance(output, outputStride);
    });
  });
}
