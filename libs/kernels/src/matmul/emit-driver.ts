import type { Expr } from '../wasm/expression.js';
import type { FunctionRef, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import type { KernelBuild } from './dot-mode.js';
import { PANEL_ROWS } from './quant-spec.js';

/** Memory streams of the matrix-vector kernel: that many distant runs of panels are walked at once. */
export const STREAMS = 2;
/** Panels of a tile of the matrix-matrix kernel at most. */
export const MAX_TILE_PANELS = 2;
/** Tokens of a tile at most. */
export const MAX_TILE_TOKENS = 4;

/** As many sums as fit in 16 registers beside the operands: 8 vectors, of 128 or 256 bits. */
export const tilePanels = (build: KernelBuild): number => (build.wide ? MAX_TILE_PANELS : 1);

/** Activations that a run of tiles goes over again and again: they should stay in the second-level cache. */
const TOKEN_BLOCK_BYTES = 384 * 1024;

const eight = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;

/** (first panel, bytes between streams, activations, length, output, bytes between the streams' outputs, panels of a stream, rows of the last panel) */
export const MATVEC_SIGNATURE = { params: eight } as const;
/** (first and second unpacked panel, activations, their row stride, length, output, its row stride, rows of the last panel) */
export const TILE_SIGNATURE = { params: eight } as const;
/** (panel, destination, length) */
export const UNPACK_SIGNATURE = { params: ['i32', 'i32', 'i32'] } as const;
/** (weights, activations, output, first row, end row, tokens, cols, activation stride, output stride, scratch); see MatmulFormat. */
export const MATMUL_SIGNATURE = { params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] } as const;

export type MatvecRef = FunctionRef<typeof eight, undefined>;
export type TileRef = FunctionRef<typeof eight, undefined>;
export type UnpackRef = FunctionRef<typeof UNPACK_SIGNATURE.params, undefined>;

/** The kernels of a format, and what their `length` arguments mean. */
export interface FormatKernels {
  readonly matvec: { readonly many: MatvecRef; readonly single: MatvecRef; length(x: Local<'i32'>, cols: Local<'i32'>): Expr<'i32'> };
  /** By panels - 1, then tokens - 1. */
  readonly tiles: { readonly bySize: readonly (readonly TileRef[])[]; length(cols: Local<'i32'>): Expr<'i32'> };
  /** What makes of a panel the form that tiles work on; without it, they work on packed panels. */
  readonly unpack?: { readonly run: UnpackRef; length(cols: Local<'i32'>): Expr<'i32'>; bytes(cols: Local<'i32'>): Expr<'i32'> };
  panelBytes(cols: Local<'i32'>): Expr<'i32'>;
}

/** Exports `matmul.NAME`: one token goes to the matrix-vector kernel, several go through tiles. */
export function emitMatmul(module: ModuleBuilder, name: string, kernels: FormatKernels): void {
  const { matvec, tiles, unpack } = kernels;
  const tilePanelCount = tiles.bySize.length;
  const tileTokens = tiles.bySize[0].length;
  module.function(`matmul.${name}`, { ...MATMUL_SIGNATURE, export: true }, (f, weights, x, output, rowBegin, rowEnd, tokens, cols, xStride, outStride, scratch) => {
    const panelSize = f.local('i32', kernels.panelBytes(cols));
    const panels = f.local('i32', i32.divU(i32.add(i32.sub(rowEnd, rowBegin), PANEL_ROWS - 1), PANEL_ROWS));
    const lastRows = f.local('i32', i32.sub(i32.sub(rowEnd, rowBegin), i32.mul(i32.sub(panels, 1), PANEL_ROWS)));
    const panel = f.local('i32', i32.add(weights, i32.mul(i32.divU(rowBegin, PANEL_ROWS), panelSize)));
    const length = f.local('i32');
    f.set(output, i32.add(output, i32.mul(rowBegin, 4)));
    f.if(i32.eqz(panels), () => f.return());

    f.if(i32.eq(tokens, 1), () => {
      f.set(length, matvec.length(x, cols));
      // A last panel that lacks rows is left to the single stream.
      const quarter = f.local('i32', i32.divU(i32.sub(panels, i32.ltU(lastRows, PANEL_ROWS)), STREAMS));
      f.call(matvec.many, panel, i32.mul(quarter, panelSize), x, length, output, i32.mul(quarter, 4 * PANEL_ROWS), quarter, PANEL_ROWS);
      f.set(quarter, i32.mul(quarter, STREAMS));
      f.call(matvec.single, i32.add(panel, i32.mul(quarter, panelSize)), 0, x, length, i32.add(output, i32.mul(quarter, 4 * PANEL_ROWS)), 0, i32.sub(panels, quarter), lastRows);
      f.return();
    });

    f.set(length, tiles.length(cols));
    const perBlock = f.local('i32', i32.and(i32.divU(TOKEN_BLOCK_BYTES, xStride), -tileTokens));
    f.if(i32.ltU(perBlock, tileTokens), () => f.set(perBlock, tileTokens));
    const [unpackLength, first, second] = f.locals('i32', 3);
    if (unpack) {
      f.set(unpackLength, unpack.length(cols));
      f.set(first, scratch);
      f.set(second, i32.add(scratch, unpack.bytes(cols)));
    }
    const [blockTokens, left, p, xAt, outAt, outPanel, from] = f.locals('i32', 7);
    f.while(tokens, () => {
      f.set(blockTokens, i32.select(i32.ltU(tokens, perBlock), tokens, perBlock));
      f.set(p, panels);
      f.set(outPanel, output);
      f.set(from, panel);
      f.while(i32.gtS(p, 0), () => {
        if (unpack) {
          f.call(unpack.run, from, first, unpackLength);
          if (tilePanelCount > 1) f.if(i32.gtS(p, 1), () => f.call(unpack.run, i32.add(from, panelSize), second, unpackLength));
        } else {
          f.set(first, from);
          f.set(second, i32.add(from, panelSize));
        }
        f.set(left, blockTokens);
        f.set(xAt, x);
        f.set(outAt, outPanel);
        const rows = i32.select(i32.gtS(p, tilePanelCount), PANEL_ROWS, lastRows);
        f.while(i32.gtS(left, 0), () => {
          for (let t = 1; t <= tileTokens; t++) {
            f.if(t < tileTokens ? i32.eq(left, t) : i32.geS(left, t), () => {
              const args = [first, second, xAt, xStride, length, outAt, outStride, rows] as const;
              if (tilePanelCount === 1) f.call(tiles.bySize[0][t - 1], ...args);
              else f.if(i32.gtS(p, 1), () => f.call(tiles.bySize[1][t - 1], ...args), () => f.call(tiles.bySize[0][t - 1], ...args));
            });
          }
          f.advance(xAt, i32.mul(xStride, tileTokens));
          f.advance(outAt, i32.mul(outStride, tileTokens));
          f.advance(left, -tileTokens);
        });
        f.advance(from, i32.mul(panelSize, tilePanelCount));
        f.advance(outPanel, 4 * PANEL_ROWS * tilePanelCount);
        f.advance(p, -tilePanelCount);
      });
      f.advance(x, i32.mul(xStride, blockTokens));
      f.advance(output, i32.mul(outStride, blockTokens));
      f.set(tokens, i32.sub(tokens, blockTokens));
    });
  });
}

/** A kernel of each size of tile. */
export function tileSizes(maxPanels: number, maxTokens: number, emit: (panels: number, tokens: number) => TileRef): TileRef[][] {
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
  return upTo(maxPanels).map((panels) => upTo(maxTokens).map((tokens) => emit(panels, tokens)));
}
