import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import type { KernelBuild } from './dot-mode.js';
import {
  emitMatmul,
  FEW_STREAMS,
  MATVEC_SIGNATURE,
  MAX_TILE_TOKENS,
  tilePanels,
  TILE_SIGNATURE,
  tileSizes,
  UNPACK_SIGNATURE,
  type MatvecRef,
  type TileRef,
  type UnpackRef,
} from './emit-driver.js';
import { maddFor } from './madd.js';
import { Fence } from './fence.js';
import {
  CHUNK_COLS,
  columnsPerVector,
  emitFloatPanelBytes,
  FLOAT_BLOCK,
  FloatReader,
  UNPACKED_BYTES,
  type FloatFormatName,
} from './float-panels.js';
import { HALVES, PAIR_BYTES } from './quant-spec.js';
import { emitStartTile, emitStoreStreams, emitStoreTile } from './store-rows.js';

/** Columns that a loop goes over at once. */
const UNROLL = 8;

const ZERO = v128.const(new Array<number>(16).fill(0));

/** Emits a walk over `cols` columns in blocks of 32: `body(n)` for n columns at a time, n = 8 as long as there are, then `tail`. */
function emitColumns(
  f: CodeBuilder,
  cols: Local<'i32'>,
  left: Local<'i32'>,
  inBlock: Local<'i32'>,
  hooks: { begin(): void; columns(n: number): void; end(): void; tail: readonly number[] },
): void {
  f.set(left, cols);
  f.while(left, () => {
    hooks.begin();
    f.set(inBlock, i32.select(i32.ltU(left, FLOAT_BLOCK), left, FLOAT_BLOCK));
    f.set(left, i32.sub(left, inBlock));
    for (const n of [UNROLL, ...hooks.tail]) {
      f.while(i32.geU(inBlock, n), () => {
        hooks.columns(n);
        f.advance(inBlock, -n);
      });
    }
    hooks.end();
  });
}

function emitMatvec(
  module: ModuleBuilder,
  format: FloatFormatName,
  build: KernelBuild,
  streamCount: number,
): MatvecRef {
  return module.function(
    `${format}.matvec${streamCount}`,
    MATVEC_SIGNATURE,
    (f, panel, distance, x, cols, output, outputDistance, panels, lastRows) => {
      const reader = new FloatReader(f, module, format);
      const madd = maddFor(build);
      const fence = new Fence(f, module, build);
      const perVector = columnsPerVector(format);
      const places = f.locals('i32', streamCount);
      const rows = places.flatMap((place) =>
        [0, 16].map((half) => ({ place, half, sum: f.local('v128'), partial: f.local('v128') })),
      );
      const xs = f.locals('v128', perVector);
      const vector = f.local('v128');
      const [at, left, inBlock] = f.locals('i32', 3);
      places.forEach((place, i) => f.set(place, i === 0 ? panel : i32.add(places[i - 1], distance)));
      f.while(panels, () => {
        for (const { sum } of rows) f.set(sum, ZERO);
        f.set(at, x);
        emitColumns(f, cols, left, inBlock, {
          begin: () => rows.forEach(({ partial }) => f.set(partial, ZERO)),
          columns(n) {
            for (let column = 0; column < n; column += perVector) {
              const width = Math.min(perVector, n - column);
              for (let i = 0; i < width; i++) f.set(xs[i], v128.load32Splat(at, 4 * (column + i)));
              for (const { place, half, partial } of rows) {
                f.set(vector, v128.load(place, (PAIR_BYTES * column) / perVector + half));
                reader
                  .columns(vector)
                  .slice(0, width)
                  .forEach((weights, i) => f.set(partial, madd(weights, xs[i], partial)));
              }
              fence.emit(rows.map(({ partial }) => partial));
            }
            for (const place of places) f.advance(place, PAIR_BYTES * Math.ceil(n / perVector));
            f.advance(at, 4 * n);
          },
          end: () => rows.forEach(({ sum, partial }) => f.set(sum, f32x4.add(sum, partial))),
          tail: perVector === 1 ? [1] : [2, 1],
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

/** Products of one or two F32 panels and a few rows of activations. */
function emitTile(
  module: ModuleBuilder,
  format: FloatFormatName,
  build: KernelBuild,
  panels: number,
  tokens: number,
): TileRef {
  return module.function(
    `${format}.tile${panels}x${tokens}`,
    TILE_SIGNATURE,
    (f, first, second, activations, xStride, cols, output, outputStride, lastRows, continued, spare) => {
      const madd = maddFor(build);
      const fence = new Fence(f, module, build);
      const panelAt = [first, second].slice(0, panels);
      const rows = panelAt.flatMap((panel) => [0, 16].map((half) => ({ panel, half, weights: f.local('v128') })));
      const xAt = Array.from({ length: tokens }, (_, t) =>
        t === 0 ? activations : f.local('i32', i32.add(activations, i32.mul(xStride, t))),
      );
      const sums = xAt.map(() => f.locals('v128', rows.length));
      const partial = xAt.map(() => f.locals('v128', rows.length));
      const x = f.local('v128');
      const [left, inBlock] = f.locals('i32', 2);
      emitStartTile(f, output, outputStride, sums, continued);
      emitColumns(f, cols, left, inBlock, {
        begin: () => partial.flat().forEach((local) => f.set(local, ZERO)),
        columns(n) {
          for (let column = 0; column < n; column++) {
            for (const { panel, half, weights } of rows) f.set(weights, v128.load(panel, PAIR_BYTES * column + half));
            xAt.forEach((address, t) => {
              f.set(x, v128.load32Splat(address, 4 * column));
              rows.forEach(({ weights }, r) => f.set(partial[t][r], madd(weights, x, partial[t][r])));
            });
            fence.emit(partial.flat());
          }
          for (const panel of panelAt) f.advance(panel, PAIR_BYTES * n);
          for (const address of xAt) f.advance(address, 4 * n);
        },
        end: () => sums.forEach((row, t) => row.forEach((sum, r) => f.set(sum, f32x4.add(sum, partial[t][r])))),
        tail: [1],
      });
      emitStoreTile(f, output, outputStride, sums, lastRows, spare);
    },
  );
}

/** (panel, destination, cols): a panel as F32. */
function emitUnpack(module: ModuleBuilder, format: FloatFormatName): UnpackRef {
  return module.function(`${format}.unpack`, UNPACK_SIGNATURE, (f, panel, to, cols) => {
    const reader = new FloatReader(f, module, format);
    const halves = f.locals('v128', HALVES);
    f.while(i32.gtS(cols, 0), () => {
      halves.forEach((vector, half) => f.set(vector, v128.load(panel, 16 * half)));
      const columns = halves.map((vector) => reader.columns(vector));
      for (let i = 0; i < columnsPerVector(format); i++)
        columns.forEach((column, half) => f.do(v128.store(to, column[i], PAIR_BYTES * i + 16 * half)));
      f.advance(panel, PAIR_BYTES);
      f.advance(to, PAIR_BYTES * columnsPerVector(format));
      f.advance(cols, -columnsPerVector(format));
    });
  });
}

/** Exports `matmul.FORMAT`. Activations are floats as they are. */
export function emitFloatMatmul(module: ModuleBuilder, format: FloatFormatName, build: KernelBuild): void {
  const [many, single] = [FEW_STREAMS, 1].map((streams) => emitMatvec(module, format, build, streams));
  const bySize = tileSizes(tilePanels(build), MAX_TILE_TOKENS, (panels, tokens) =>
    emitTile(module, format, build, panels, tokens),
  );
  emitMatmul(module, format, {
    matvec: { streams: FEW_STREAMS, many, single, length: (_, cols) => cols },
    tiles: { bySize, length: (cols) => cols },
    ...(format === 'F32'
      ? {}
      : { unpack: { run: emitUnpack(module, format), bytes: UNPACKED_BYTES, length: (cols) => cols } }),
    chunkCols: CHUNK_COLS,
    panelBytes: (cols) => emitFloatPanelBytes(format, cols),
    activationBytes: (cols) => i32.shl(cols, 2),
  });
}
