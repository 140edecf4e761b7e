import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { BlockLoop, type BlockPlaces } from './block-loop.js';
import { ConstantPool } from './constant-pool.js';
import { codeFlip, DotAccumulator, productModeFor } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { MATVEC_SIGNATURE, type MatvecRef } from './emit-driver.js';
import { Fence } from './fence.js';
import { GroupActivations } from './group-activations.js';
import { hasIntegerScales, IntegerScales, integerScaleConstants } from './integer-scales.js';
import { maddFor } from './madd.js';
import { PanelReader } from './panel-reader.js';
import { GROUP_STEPS, STEP_VALUES, type QuantSpec } from './quant-spec.js';
import { emitStoreStreams } from './store-rows.js';

const ZERO = v128.const(new Array<number>(16).fill(0));

/** Steps between fences. */
const FENCE_STEPS = 4;

/** One half of a panel in a stream. */
interface Rows {
  readonly at: BlockPlaces;
  readonly half: number;
  readonly sum: Local<'v128'>;
  readonly dot: DotAccumulator;
  readonly codes: Local<'v128'>;
  readonly factor: Local<'v128'>;
  readonly minimumFactor: Local<'v128'>;
  readonly integers: IntegerScales | undefined;
}

/**
 * Matrix times vector: walks `streams` runs of panels at once, far from each other, so that as many memory streams are under way.
 *
 * Order of sums, for each row: for each sub-block in turn, sum = integer dot * (weight scale * activation scale) + sum, and then,
 * for formats with minima, sum = minimum * (activation scale * activation sum) + sum. With integer scales (integer-scales.ts): for each
 * group in turn, sum = integer sum * (row's factor * activation scale) + sum, and likewise for minima.
 */
export function emitMatvec(
  module: ModuleBuilder,
  name: string,
  spec: QuantSpec,
  build: KernelBuild,
  streamCount: number,
): MatvecRef {
  return module.function(
    `${name}.matvec${streamCount}`,
    MATVEC_SIGNATURE,
    (f, panel, distance, x, xEnd, output, outputDistance, panels, lastRows) => {
      const mode = productModeFor(build.dot, spec.maxCode);
      const constants = new ConstantPool(module, f);
      constants.hold(DotAccumulator.constants(mode, spec.maxCode));
      const integerScales = hasIntegerScales(spec, mode);
      if (integerScales) constants.hold(integerScaleConstants);
      const reader = new PanelReader(f, constants, build, spec, (bytes) => module.vectorConstant(bytes));
      const blocks = new BlockLoop(f, spec, reader.layout, streamCount);
      const rows = blocks.runs.flatMap((at) =>
        [0, 1].map(
          (half): Rows => ({
            at,
            half,
            sum: f.local('v128'),
            dot: new DotAccumulator(f, constants, mode, spec.maxCode),
            codes: f.local('v128'),
            factor: f.local('v128'),
            minimumFactor: f.local('v128'),
            integers: integerScales ? new IntegerScales(f, spec) : undefined,
          }),
        ),
      );
      const fence = new Fence(f, module, build);
      const group = new MatvecGroup(f, constants, reader, build, rows, fence);
      const activation = f.local('i32');
      blocks.runs.forEach(({ block }, i) =>
        f.set(block, i === 0 ? panel : i32.add(blocks.runs[i - 1].block, distance)),
      );
      f.while(panels, () => {
        for (const { sum } of rows) f.set(sum, ZERO);
        f.set(activation, x);
        f.loop((again) => {
          for (const {
            at: { block },
            half,
            factor,
            minimumFactor,
          } of rows) {
            const [scale, minimum] = [reader.factor(block, half), reader.minimumFactor(block, half)];
            if (scale) f.set(factor, scale);
            if (minimum) f.set(minimumFactor, minimum);
          }
          if (spec.scale === 'super')
            fence.emit(
              rows.flatMap(({ factor, minimumFactor }) => (spec.minimum ? [factor, minimumFactor] : [factor])),
            );
          blocks.emit([activation], (g) => group.emit(activation, g));
          f.branchIf(again, i32.ltU(activation, xEnd));
        });
        f.advance(panels, -1);
        emitStoreStreams(
          f,
          output,
          outputDistance,
          rows.map(({ sum }) => sum),
          panels,
          lastRows,
        );
      });
    },
  );
}

/** Emits one group of 32 columns for all streams. */
class MatvecGroup {
  private readonly mode;
  private readonly wide;
  private readonly madd;
  private readonly activations: GroupActivations;
  private readonly held: Local<'v128'>[];

  constructor(
    private readonly f: CodeBuilder,
    private readonly constants: ConstantPool,
    private readonly reader: PanelReader,
    build: KernelBuild,
    private readonly rows: readonly Rows[],
    private readonly fence: Fence,
  ) {
    const { spec } = reader;
    this.mode = productModeFor(build.dot, spec.maxCode);
    this.wide = build.wide;
    this.madd = maddFor(build);
    this.activations = new GroupActivations(f, spec, spec.offset - codeFlip(this.mode, spec.maxCode), this.mode);
    this.held = f.locals('v128', GROUP_STEPS);
  }

  emit(activation: Local<'i32'>, group: number): void {
    const { reader, rows, activations } = this;
    const at = ACTIVATION_BLOCK.bytes * group;
    activations.readInitials(activation, at);
    activations.readScales(activation, at);
    this.fence.emit(activations.locals);
    if (!this.wide) {
      // One sum after another: more of them at a time would not stay in registers.
      for (const part of rows) {
        this.readScales(part, group);
        for (let chunk = 0; chunk < reader.chunks; chunk++)
          this.emitChunk(part, group, chunk, (step) => this.activationStep(activation, group, step));
      }
      return;
    }
    for (const part of rows) this.readScales(part, group);
    for (let chunk = 0; chunk < reader.chunks; chunk++) {
      for (let i = 0; i < reader.chunkSteps; i++) {
        const step = chunk * reader.chunkSteps + i;
        this.f.set(this.held[step], this.activationStep(activation, group, step));
      }
      for (const part of rows) this.emitChunk(part, group, chunk, (step) => this.held[step]);
    }
  }

  private readScales({ at: { scales }, half, integers }: Rows, group: number): void {
    if (!integers) return;
    integers.read(this.reader, this.constants, scales, group, half);
    this.fence.emit(integers.locals);
  }

  private activationStep(activation: Local<'i32'>, group: number, step: number): Expr<'v128'> {
    return DotAccumulator.activations(this.mode, activation, ACTIVATION_BLOCK.bytes * group + STEP_VALUES * step);
  }

  private emitChunk(rows: Rows, group: number, chunk: number, activationOf: (step: number) => Expr<'v128'>): void {
    const { f, reader, activations } = this;
    const subSteps = reader.spec.subValues / STEP_VALUES;
    reader.operands(rows.at.codes, group, chunk, rows.half).forEach((codes, i) => {
      const step = chunk * reader.chunkSteps + i;
      const sub = Math.floor(step / subSteps);
      const { dot, integers } = rows;
      if (step % subSteps === 0) {
        if (integers) integers.begin(dot, sub, activations.halfSums);
        else dot.begin(activations.initial(sub));
      }
      f.set(rows.codes, codes);
      dot.add(activationOf(step), reader.planes(rows.codes));
      if ((step + 1) % (integers ? GROUP_STEPS : subSteps) === 0) this.finish(rows, group, sub);
      else if ((step + 1) % FENCE_STEPS === 0) this.fence.emit(dot.locals);
    });
  }

  /** Adds the dot product of a sub-block (with integer scales: of the group) to the sum of some rows. */
  private finish(
    { at: { scales }, half, dot, sum, factor, minimumFactor, integers }: Rows,
    group: number,
    sub: number,
  ): void {
    const { f, reader, activations, madd } = this;
    const { spec } = reader;
    if (integers) {
      integers.finish(madd, sum, dot, factor, minimumFactor, activations.scale, activations.halfSums);
      this.fence.emit([sum]);
      return;
    }
    const subInBlock = (group * GROUP_STEPS * STEP_VALUES) / spec.subValues + sub;
    const isSuper = spec.scale === 'super';
    const scale = reader.scale(scales, subInBlock, isSuper ? factor : undefined, half);
    f.set(sum, madd(f32x4.convertI32x4S(dot.end()), f32x4.mul(scale, activations.scale), sum));
    if (spec.minimum)
      f.set(
        sum,
        madd(
          reader.minimum(scales, subInBlock, isSuper ? minimumFactor : undefined, half),
          activations.scaledSum(sub),
          sum,
        ),
      );
    this.fence.emit([sum]);
  }
}
