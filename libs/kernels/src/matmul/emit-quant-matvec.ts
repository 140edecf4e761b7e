import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { ConstantPool } from './constant-pool.js';
import { codeFlip, DotAccumulator, dotModeFor } from './dot-accumulator.js';
import type { KernelBuild } from './dot-mode.js';
import { MATVEC_SIGNATURE, type MatvecRef } from './emit-driver.js';
import { GroupActivations } from './group-activations.js';
import { maddFor } from './madd.js';
import { PanelReader } from './panel-reader.js';
import { GROUP_STEPS, STEP_VALUES, type QuantSpec } from './quant-spec.js';
import { emitStoreRows } from './store-rows.js';

type Vector = Expr<'v128'>;

/** Activation steps that are kept in registers for all streams; more of them would only be spilled. */
const HELD_STEPS = 2;

interface Stream {
  readonly block: Local<'i32'>;
  readonly sum: Local<'v128'>;
  readonly dot: DotAccumulator;
  readonly factor: Local<'v128'>;
  readonly minimumFactor: Local<'v128'>;
}

/**
 * Matrix times vector: walks `streams` runs of panels at once, far from each other, so that as many memory streams are under way.
 *
 * Order of sums, for each row: for each sub-block in turn, sum = integer dot * (weight scale * activation scale) + sum, and then,
 * for formats with minima, sum = minimum * (activation scale * activation sum) + sum.
 */
export function emitMatvec(module: ModuleBuilder, name: string, spec: QuantSpec, build: KernelBuild, streamCount: number): MatvecRef {
  return module.function(`${name}.matvec${streamCount}`, MATVEC_SIGNATURE, (f, panel, distance, x, xEnd, output, outputDistance, panels, lastRows) => {
    const mode = dotModeFor(build.dot, spec.maxCode);
    const constants = new ConstantPool(module, f);
    constants.hold(DotAccumulator.constants(mode, spec.maxCode));
    const reader = new PanelReader(f, constants, build, spec, (bytes) => module.vectorConstant(bytes));
    const streams = Array.from({ length: streamCount }, (): Stream => ({
      block: f.local('i32'),
      sum: f.local('v128'),
      dot: new DotAccumulator(f, constants, mode, spec.maxCode),
      factor: f.local('v128'),
      minimumFactor: f.local('v128'),
    }));
    const group = new MatvecGroup(f, constants, reader, build, streams);
    const activation = f.local('i32');
    streams.forEach(({ block }, i) => f.set(block, i === 0 ? panel : i32.add(streams[i - 1].block, distance)));
    f.while(panels, () => {
      for (const { sum } of streams) f.set(sum, v128.const(new Array<number>(16).fill(0)));
      f.set(activation, x);
      f.loop((again) => {
        for (const { block, factor, minimumFactor } of streams) {
          const [scale, minimum] = [reader.factor(block), reader.minimumFactor(block)];
          if (scale) f.set(factor, scale);
          if (minimum) f.set(minimumFactor, minimum);
        }
        for (let g = 0; g < reader.layout.groups; g++) group.emit(activation, g);
        for (const { block } of streams) f.advance(block, reader.layout.bytes);
        f.advance(activation, ACTIVATION_BLOCK.bytes * reader.layout.groups);
        f.branchIf(again, i32.ltU(activation, xEnd));
      });
      f.advance(panels, -1);
      streams.forEach(({ sum }, i) => {
        const place = i32.add(output, i32.mul(outputDistance, i));
        if (streamCount > 1) f.do(v128.store(place, sum));
        else f.if(panels, () => f.do(v128.store(output, sum)), () => emitStoreRows(f, output, sum, lastRows));
      });
      f.advance(output, 16);
    });
  });
}

/** Emits one group of 32 columns for all streams. */
class MatvecGroup {
  private readonly mode;
  private readonly flip;
  private readonly madd;
  private readonly activations: GroupActivations;
  private readonly held: Local<'v128'>[];

  constructor(
    private readonly f: CodeBuilder,
    private readonly constants: ConstantPool,
    private readonly reader: PanelReader,
    build: KernelBuild,
    private readonly streams: readonly Stream[],
  ) {
    const { spec } = reader;
    this.mode = dotModeFor(build.dot, spec.maxCode);
    this.flip = codeFlip(this.mode, spec.maxCode);
    this.madd = maddFor(build);
    this.activations = new GroupActivations(f, spec, spec.offset - this.flip);
    this.held = reader.chunkSteps <= HELD_STEPS ? f.locals('v128', reader.chunkSteps) : [];
  }

  emit(activation: Local<'i32'>, group: number): void {
    const { f, reader, streams, activations } = this;
    const at = ACTIVATION_BLOCK.bytes * group;
    const subSteps = reader.spec.subValues / STEP_VALUES;
    activations.readOffsets(activation, at);
    activations.readScales(activation, at);
    for (let chunk = 0; chunk < reader.chunks; chunk++) {
      const first = chunk * reader.chunkSteps;
      const step = (i: number): Vector => DotAccumulator.activations(this.mode, activation, at + STEP_VALUES * (first + i));
      this.held.forEach((local, i) => f.set(local, step(i)));
      for (const stream of streams) {
        reader.codes(stream.block, group, chunk).forEach((codes, i) => {
          const sub = Math.floor((first + i) / subSteps);
          if ((first + i) % subSteps === 0) stream.dot.begin(activations.initial(sub));
          stream.dot.add(this.held[i] ?? step(i), this.flip ? v128.xor(codes, this.constants.bytes(this.flip)) : codes);
          if ((first + i + 1) % subSteps === 0) this.finish(stream, group, sub);
        });
      }
    }
  }

  /** Adds a sub-block's dot product to the sum of a stream. */
  private finish({ block, dot, sum, factor, minimumFactor }: Stream, group: number, sub: number): void {
    const { f, reader, activations, madd } = this;
    const { spec } = reader;
    const subInBlock = (group * GROUP_STEPS * STEP_VALUES) / spec.subValues + sub;
    const isSuper = spec.scale === 'super';
    const scale = reader.scale(block, subInBlock, isSuper ? factor : undefined);
    f.set(sum, madd(f32x4.convertI32x4S(dot.end()), f32x4.mul(scale, activations.scale), sum));
    if (spec.minimum) f.set(sum, madd(reader.minimum(block, subInBlock, isSuper ? minimumFactor : undefined), activations.scaledSum(sub), sum));
  }
}

