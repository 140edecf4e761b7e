import type { KernelBuild } from '../src/matmul/dot-mode.js';
import { maddFor } from '../src/matmul/madd.js';
import type { Expr } from '../src/wasm/expression.js';
import { ModuleBuilder } from '../src/wasm/module-builder.js';
import { i32 } from '../src/wasm/scalar-ops.js';
import { i16x8, i32x4, v128 } from '../src/wasm/simd-ops.js';

/** Sums that are under way in `peakDot` and `peakMadd`: enough to hide how long an operation takes. */
const SUMS = 12;

/** Operations (a multiplication and an addition are two) of one iteration of `peakDot`, `peakMadd`. */
export function peakOperations(build: KernelBuild): { readonly dot: number; readonly madd: number } {
  const vectors = SUMS * (build.wide ? 2 : 1);
  return { dot: vectors * 32, madd: vectors * 8 };
}

/**
 * What the machine can do at best: `stream1` and `stream4` (address, bytes) read memory in one or four runs without any arithmetic to
 * speak of; `peakDot` and `peakMadd` (address, iterations) do products of what is in registers.
 */
export function buildYardsticks(build: KernelBuild): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory('env', 'memory', { initialPages: 1, maximumPages: 65536, shared: true });
  emitStream(module, 1);
  emitStream(module, 4);
  emitPeak(module, 'peakMadd', maddFor(build), build);
  emitPeak(module, 'peakDot', dotFor(build), build);
  return module.encode();
}

type Three = (a: Expr<'v128'>, b: Expr<'v128'>, sum: Expr<'v128'>) => Expr<'v128'>;

/** The fastest exact product of bytes in a build. */
function dotFor({ dot }: KernelBuild): Three {
  // The sum as an operand keeps the compiler from computing one product for all.
  if (dot === 'pairs') return (_, b, sum) => i16x8.add(sum, i16x8.relaxedDotI8x16I7x16S(sum, b));
  if (dot === 'words') return (_, b, sum) => i32x4.add(sum, i32x4.dotI16x8S(sum, b));
  return i32x4.relaxedDotI8x16I7x16AddS;
}

function emitStream(module: ModuleBuilder, streams: number): void {
  module.function(`stream${streams}`, { params: ['i32', 'i32'], result: 'i32', export: true }, (f, address, bytes) => {
    const share = f.local('i32', i32.and(i32.divU(bytes, streams), -256));
    const sums = f.locals('v128', 4);
    const places = f.locals('i32', streams);
    places.forEach((place, i) => f.set(place, i === 0 ? address : i32.add(places[i - 1], share)));
    const end = f.local('i32', i32.add(address, share));
    f.loop((again) => {
      for (const place of places) {
        for (let i = 0; i < 256 / 16 / streams; i++) f.set(sums[i % 4], v128.or(sums[i % 4], v128.load(place, 16 * i)));
        f.advance(place, 256 / streams);
      }
      f.branchIf(again, i32.ltU(places[0], end));
    });
    f.result(
      i32x4.extractLane(
        sums.map((sum): Expr<'v128'> => sum).reduce((a, b) => v128.or(a, b)),
        0,
      ),
    );
  });
}

/** With joined vectors, each sum is a pair. */
function emitPeak(module: ModuleBuilder, name: string, product: Three, build: KernelBuild): void {
  module.function(name, { params: ['i32', 'i32'], export: true }, (f, address, iterations) => {
    const sums = Array.from({ length: SUMS }, () => f.locals('v128', build.wide ? 2 : 1));
    const [a, b] = f.locals('v128', 2);
    f.set(a, v128.load32Splat(address));
    f.set(b, v128.load32Splat(address, 16));
    f.loop((again) => {
      for (const sum of sums.flat()) f.set(sum, product(a, b, sum));
      f.advance(iterations, -1);
      f.branchIf(again, iterations);
    });
    sums.forEach((halves, i) => halves.forEach((half, h) => f.do(v128.store(address, half, 32 * (i + 1) + 16 * h))));
  });
}
