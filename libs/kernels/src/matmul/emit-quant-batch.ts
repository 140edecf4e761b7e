import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { BlockLoop, type BlockPlaces } from './block-loop.js';
import { ConstantPool } from './constant-pool.js';
import { codeFlip, DotAccumulator, planeCount, productModeFor, stepsAtOnce } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { BATCH_SIGNATURE, type BatchRef } from './emit-driver.js';
import { Fence } from './fence.js';
import { groupInitial, groupScale, groupScaledSum } from './group-activations.js';
import { groupHalfSums, hasIntegerScales, IntegerScales, integerScaleConstants } from './integer-scales.js';
import { maddFor } from './madd.js';
import { PanelReader } from './panel-reader.js';
import { GROUP_STEPS, GROUP_VALUES, HALVES, PANEL_ROWS, STEP_VALUES, type QuantSpec } from './quant-spec.js';
import { emitStorePanel, emitStoreRows } from './store-rows.js';

const ZERO = v128.const(new Array<number>(16).fill(0));

/** Sums of one half of a panel: one for each token. */
interface HalfSums {
  readonly at: BlockPlaces;
  readonly half: number;
  readonly sums: readonly Local<'v128'>[];
  readonly dots: readonly DotAccumulator[];
  readonly codes: Local<'v128'>;
  /** (steps at once, planes) */
  readonly planes: readonly (readonly Local<'v128'>[])[];
  readonly scale: Local<'v128'>;
  readonly minimum: Local<'v128'>;
  readonly factor: Local<'v128'>;
  readonly minimumFactor: Local<'v128'>;
  readonly integers: IntegerScales | undefined;
}

/**
 * Matrix times a few vectors, straight from packed panels, which are read once and in the order in which they lie in memory, in one run
 * or two: for decoding several sequences together. The order of sums is that of the matrix-vector kernel.
 */
export function emitBatch(
  module: ModuleBuilder,
  name: string,
  spec: QuantSpec,
  build: KernelBuild,
  streamCount: number,
  tokens: number,
): BatchRef {
  return module.function(
    `${name}.batch${streamCount}x${tokens}`,
    BATCH_SIGNATURE,
    (f, panel, distance, x, xEnd, xStride, output, outputStride, outDistance, count, lastRows) => {
      const mode = productModeFor(build.dot, spec.maxCode);
      const constants = new ConstantPool(module, f);
      constants.hold(DotAccumulator.constants(mode, spec.maxCode));
      const integerScales = hasIntegerScales(spec, mode);
      if (integerScales) constants.hold(integerScaleConstants);
      const reader = new PanelReader(
        f,
        constants,
        build,
        spec,
        (bytes) => module.vectorConstant(bytes),
        HALVES * streamCount,
      );
      const blocks = new BlockLoop(f, spec, reader.layout, streamCount);
      const panels = blocks.runs.map((at) =>
        [0, 1].map(
          (half): HalfSums => ({
            at,
            half,
            sums: f.locals('v128', tokens),
            dots: Array.from({ length: tokens }, () => new DotAccumulator(f, constants, mode, spec.maxCode)),
            codes: f.local('v128'),
            planes: Array.from({ length: stepsAtOnce(mode, spec.maxCode) }, () => f.locals('v128', planeCount(mode))),
            scale: f.local('v128'),
            minimum: f.local('v128'),
            factor: f.local('v128'),
            minimumFactor: f.local('v128'),
            integers: integerScales ? new IntegerScales(f, spec) : undefined,
          }),
        ),
      );
      const halves = panels.flat();
      blocks.runs.forEach(({ block }, i) =>
        f.set(block, i === 0 ? panel : i32.add(blocks.runs[i - 1].block, distance)),
      );
      const [place, rows] = f.locals('i32', 2);
      const xAt = f.locals('i32', tokens);
      const group = new BatchGroup(f, constants, reader, build, new Fence(f, module, build), xAt);
      f.while(count, () => {
        for (const { sums } of halves) for (const sum of sums) f.set(sum, ZERO);
        xAt.forEach((at, t) => f.set(at, t === 0 ? x : i32.add(xAt[t - 1], xStride)));
        f.loop((again) => {
          for (const {
            at: { block },
            half,
            factor,
            minimumFactor,
          } of halves) {
            const [scale, minimum] = [reader.factor(block, half), reader.minimumFactor(block, half)];
            if (scale) f.set(factor, scale);
            if (minimum) f.set(minimumFactor, minimum);
          }
          blocks.emit(xAt, (g) => {
            // Joined vectors need both halves side by side; otherwise one after the other takes half the registers.
            if (build.wide) group.emit(halves, g);
            else for (const half of halves) group.emit([half], g);
          });
          f.branchIf(again, i32.ltU(xAt[0], xEnd));
        });
        f.advance(count, -1);
        f.set(rows, i32.select(count, PANEL_ROWS, lastRows));
        panels.forEach(([low, high], i) => {
          f.set(place, i === 0 ? output : i32.add(output, outDistance));
          for (let t = 0; t < tokens; t++) {
            if (streamCount > 1) emitStorePanel(f, place, [low.sums[t], high.sums[t]]);
            else emitStoreRows(f, place, [low.sums[t], high.sums[t]], rows);
            f.advance(place, outputStride);
          }
        });
        f.advance(output, 4 * PANEL_ROWS);
      });
    },
  );
}

/** Emits one group of 32 columns. */
class BatchGroup {
  private readonly mode;
  private readonly flip;
  private readonly madd;

  constructor(
    private readonly f: CodeBuilder,
    private readonly constants: ConstantPool,
    private readonly reader: PanelReader,
    build: KernelBuild,
    private readonly fence: Fence,
    private readonly xAt: readonly Local<'i32'>[],
  ) {
    const { spec } = reader;
    this.mode = productModeFor(build.dot, spec.maxCode);
    this.flip = codeFlip(this.mode, spec.maxCode);
    this.madd = maddFor(build);
  }

  emit(halves: readonly HalfSums[], group: number): void {
    const { f, reader, xAt, mode } = this;
    const at = ACTIVATION_BLOCK.bytes * group;
    const subSteps = reader.spec.subValues / STEP_VALUES;
    for (const {
      at: { scales },
      half,
      integers,
    } of halves)
      integers?.read(reader, this.constants, scales, group, half);
    this.fence.emit(halves.flatMap(({ integers }) => integers?.locals ?? []));
    const finishSteps = halves[0].integers ? GROUP_STEPS : subSteps;
    const atOnce = stepsAtOnce(mode, reader.spec.maxCode);
    const x = f.locals('v128', atOnce);
    for (let chunk = 0; chunk < reader.chunks; chunk++) {
      const codes = halves.map(({ at: { codes: place }, half }, part) =>
        reader.operands(place, group, chunk, half, part),
      );
      for (let i = 0; i < reader.chunkSteps; i += atOnce) {
        const step = chunk * reader.chunkSteps + i;
        const sub = Math.floor(step / subSteps);
        for (let next = 0; next < atOnce; next++)
          this.takeCodes(
            halves,
            codes.map((steps) => steps[i + next]),
            next,
          );
        xAt.forEach((address, t) => {
          x.forEach((local, next) =>
            f.set(local, DotAccumulator.activations(mode, address, at + STEP_VALUES * (step + next))),
          );
          for (const half of halves) {
            if (step % subSteps === 0) this.beginSub(half, t, address, at, sub);
            x.forEach((local, next) => half.dots[t].add(local, half.planes[next]));
          }
        });
        if ((step + atOnce) % finishSteps === 0) this.finish(halves, group, sub, at);
        else this.fence.emit(halves.flatMap(({ dots }) => dots.flatMap((dot) => dot.locals)));
      }
    }
  }

  /** Keeps one step's codes of all halves for all tokens. */
  private takeCodes(halves: readonly HalfSums[], codes: readonly Expr<'v128'>[], next: number): void {
    const { f, reader } = this;
    halves.forEach((half, h) => f.set(half.codes, codes[h]));
    const planes = halves.map((half) => reader.planes(half.codes));
    // Plane by plane, so that V8 finds those of both halves side by side.
    planes[0].forEach((_, plane) => halves.forEach((half, h) => f.set(half.planes[next][plane], planes[h][plane])));
  }

  private beginSub({ dots, integers }: HalfSums, t: number, address: Local<'i32'>, at: number, sub: number): void {
    const { spec } = this.reader;
    if (integers) integers.begin(dots[t], sub, groupHalfSums(address, at));
    else dots[t].begin(groupInitial(spec, spec.offset - this.flip, address, at, sub));
  }

  /** Adds the dot products of a sub-block (with integer scales: of the group) to the sums. */
  private finish(halves: readonly HalfSums[], group: number, sub: number, at: number): void {
    const { f, reader, xAt, madd } = this;
    const { spec } = reader;
    if (halves[0].integers) {
      const [scale, halfSums] = f.locals('v128', 2);
      xAt.forEach((address, t) => {
        f.set(scale, groupScale(address, at));
        if (spec.minimum) f.set(halfSums, groupHalfSums(address, at));
        for (const { integers, sums, dots, factor, minimumFactor } of halves)
          integers?.finish(madd, sums[t], dots[t], factor, minimumFactor, scale, halfSums);
      });
      this.fence.emit(halves.flatMap(({ sums }) => sums));
      return;
    }
    const subInBlock = (group * GROUP_VALUES) / spec.subValues + sub;
    const isSuper = spec.scale === 'super';
    for (const {
      at: { scales },
      half,
      scale,
      minimum,
      factor,
      minimumFactor,
    } of halves) {
      f.set(scale, reader.scale(scales, subInBlock, isSuper ? factor : undefined, half));
      if (spec.minimum) f.set(minimum, reader.minimum(scales, subInBlock, isSuper ? minimumFactor : undefined, half));
    }
    const [xScale, xSum] = f.locals('v128', 2);
    xAt.forEach((address, t) => {
      f.set(xScale, groupScale(address, at));
      if (spec.minimum) f.set(xSum, groupScaledSum(spec, address, at, sub));
      for (const { sums, dots, scale, minimum } of halves) {
        f.set(sums[t], madd(f32x4.convertI32x4S(dots[t].end()), f32x4.mul(scale, xScale), sums[t]));
        if (spec.minimum) f.set(sums[t], madd(minimum, xSum, sums[t]));
      }
    });
    this.fence.emit(halves.flatMap(({ sums }) => sums));
  }
}
