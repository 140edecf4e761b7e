import type { Expr } from '../wasm/expression.js';
import type { FunctionRef, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import type { KernelBuild } from './dot-mode.js';
import { PANEL_ROWS } from './quant-spec.js';

/** Memory streams of the matrix-vector kernels at most: that many distant runs of panels are walked at once. */
export const MAX_STREAMS = 4;
/** Streams whose sums stay in registers in any build. */
export const FEW_STREAMS = 2;
/** Panels of a tile of the matrix-matrix kernel at most. */
export const MAX_TILE_PANELS = 2;
/** Tokens of a tile at most. */
export const MAX_TILE_TOKENS = 4;

/** As many sums as fit in 16 registers beside the operands: 8 vectors, of 128 or 256 bits. */
export const tilePanels = (build: KernelBuild): number => (build.wide ? MAX_TILE_PANELS : 1);

/** Activations, of a chunk of columns, that panel after panel goes over: they should stay in the second-level cache. */
const TOKEN_BLOCK_BYTES = 384 * 1024;
/** Activations, of all columns, that stay there even while each panel goes over them: weights are then read in the order in which they lie in memory. */
const WHOLE_ROWS_BYTES = 256 * 1024;

const eight = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
const nine = [...eight, 'i32'] as const;
const ten = [...nine, 'i32'] as const;

/** (first panel, bytes between streams, activations, length, output, bytes between the streams' outputs, panels of a stream, rows of the last panel) */
export const MATVEC_SIGNATURE = { params: eight } as const;
/**
 * (first and second unpacked panel, activations, their row stride, length, output, its row stride, rows of the last panel, whether to go on
 * from the sums in the output, SPARE_BYTES of scratch)
 */
export const TILE_SIGNATURE = { params: ten } as const;
/** (panel, destination, length) */
export const UNPACK_SIGNATURE = { params: ['i32', 'i32', 'i32'] } as const;
/** (weights, activations, output, first row, end row, tokens, cols, activation stride, output stride, scratch); see MatmulFormat. */
const MATMUL_SIGNATURE = { params: ten } as const;

/**
 * (first panel, bytes between streams, activations, length, their row stride, output, its row stride, bytes between the streams' outputs,
 * panels of a stream, rows of the last panel)
 */
export const BATCH_SIGNATURE = { params: ten } as const;
export type BatchRef = FunctionRef<typeof BATCH_SIGNATURE.params, undefined>;
export type MatvecRef = FunctionRef<typeof eight, undefined>;
export type TileRef = FunctionRef<typeof ten, undefined>;
export type UnpackRef = FunctionRef<typeof UNPACK_SIGNATURE.params, undefined>;

/** The kernels of a format, and what their `length` arguments mean. */
export interface FormatKernels {
  /** Kernels of `streams` memory streams, and of one. */
  readonly matvec: {
    readonly streams: number;
    readonly many: MatvecRef;
    readonly single: MatvecRef;
    length(x: Local<'i32'>, cols: Local<'i32'>): Expr<'i32'>;
  };
  /**
   * For a few tokens: kernels that work on packed panels, by tokens - 1, of one stream and of two; used for up to `limit` tokens.
   * `runBytes`: of weights that several groups of tokens go over while they are in the second-level cache.
   */
  readonly batches?: {
    readonly single: readonly BatchRef[];
    readonly double?: readonly BatchRef[];
    readonly limit: number;
    readonly runBytes: number;
  };
  /** By panels - 1, then tokens - 1. */
  readonly tiles: { readonly bySize: readonly (readonly TileRef[])[]; length(cols: Local<'i32'>): Expr<'i32'> };
  /** What makes of a panel the form that tiles work on; without it, they work on packed panels. `bytes`: of a chunk, unpacked. */
  readonly unpack?: { readonly run: UnpackRef; readonly bytes: number; length(cols: Local<'i32'>): Expr<'i32'> };
  /** Columns that tiles work on at a time, a multiple of 256: their unpacked weights should stay in the first-level cache. */
  readonly chunkCols: number;
  /** Bytes of that many columns in a panel, and in a row of activations. */
  panelBytes(cols: Local<'i32'>): Expr<'i32'>;
  activationBytes(cols: Local<'i32'>): Expr<'i32'>;
}

/** Exports `matmul.NAME`: one token goes to the matrix-vector kernel, a few to those on packed panels, more go through tiles. */
export function emitMatmul(module: ModuleBuilder, name: string, kernels: FormatKernels): void {
  const many = emitMultiplyMany(module, name, kernels);
  const few = kernels.batches && emitMultiplyFew(module, name, kernels, kernels.batches);
  const { matvec } = kernels;
  module.function(
    `matmul.${name}`,
    { ...MATMUL_SIGNATURE, export: true },
    (f, weights, x, output, rowBegin, rowEnd, tokens, cols, xStride, outStride, scratch) => {
      f.if(i32.geU(rowBegin, rowEnd), () => f.return());
      const panelSize = f.local('i32', kernels.panelBytes(cols));
      const panels = f.local('i32', i32.divU(i32.add(i32.sub(rowEnd, rowBegin), PANEL_ROWS - 1), PANEL_ROWS));
      const lastRows = f.local('i32', i32.sub(i32.sub(rowEnd, rowBegin), i32.mul(i32.sub(panels, 1), PANEL_ROWS)));
      const panel = f.local('i32', i32.add(weights, i32.mul(i32.divU(rowBegin, PANEL_ROWS), panelSize)));
      f.set(output, i32.add(output, i32.mul(rowBegin, 4)));
      const length = f.local('i32', matvec.length(x, cols));
      if (few) {
        f.if(i32.and(i32.gtU(tokens, 1), i32.leU(tokens, kernels.batches?.limit ?? 0)), () => {
          f.call(few, panel, panelSize, panels, lastRows, x, output, tokens, cols, xStride, outStride);
          f.return();
        });
      }
      f.if(i32.ne(tokens, 1), () => {
        f.call(many, panel, panelSize, panels, lastRows, x, output, tokens, cols, xStride, outStride, scratch);
        f.return();
      });
      // A last panel that lacks rows is left to the single stream.
      const share = f.local('i32', i32.divU(i32.sub(panels, i32.ltU(lastRows, PANEL_ROWS)), matvec.streams));
      f.call(
        matvec.many,
        panel,
        i32.mul(share, panelSize),
        x,
        length,
        output,
        i32.mul(share, 4 * PANEL_ROWS),
        share,
        PANEL_ROWS,
      );
      f.set(share, i32.mul(share, matvec.streams));
      f.call(
        matvec.single,
        i32.add(panel, i32.mul(share, panelSize)),
        0,
        x,
        length,
        i32.add(output, i32.mul(share, 4 * PANEL_ROWS)),
        0,
        i32.sub(panels, share),
        lastRows,
      );
    },
  );
}

/** (first panel, bytes of a panel, panels, rows of the last, activations, output, tokens, cols, activation stride, output stride) */
const FEW_SIGNATURE = { params: ten } as const;

/**
 * A few tokens: for runs of panels that stay in the second-level cache, for as few groups of tokens of equal size as do. The first group
 * takes the weights from memory, with so little work for each that the processor sees far enough ahead. It walks them in the order in
 * which they lie there, whole rows at a time: pieces of rows would end what the processor reads ahead every few pages.
 */
function emitMultiplyFew(
  module: ModuleBuilder,
  name: string,
  kernels: FormatKernels,
  { single, double, runBytes }: NonNullable<FormatKernels['batches']>,
): FunctionRef<typeof FEW_SIGNATURE.params, undefined> {
  return module.function(
    `${name}.few`,
    FEW_SIGNATURE,
    (f, panel, panelSize, panels, lastRows, x, output, tokens, cols, xStride, outStride) => {
      const run = f.local('i32', i32.add(i32.divU(runBytes, panelSize), 1));
      const span = f.local('i32', kernels.activationBytes(cols));
      const [left, groups, size, count, rows, xAt, outAt, share] = f.locals('i32', 8);
      const emitBatches = (i: number): void => {
        const xEnd = i32.add(xAt, span);
        const rest = i32.sub(count, i32.mul(share, 2));
        if (double)
          f.call(
            double[i],
            panel,
            i32.mul(share, panelSize),
            xAt,
            xEnd,
            xStride,
            outAt,
            outStride,
            i32.mul(share, 4 * PANEL_ROWS),
            share,
            PANEL_ROWS,
          );
        f.call(
          single[i],
          i32.add(panel, i32.mul(i32.mul(share, 2), panelSize)),
          0,
          xAt,
          xEnd,
          xStride,
          i32.add(outAt, i32.mul(share, 8 * PANEL_ROWS)),
          outStride,
          0,
          rest,
          rows,
        );
      };
      f.while(panels, () => {
        f.set(count, i32.select(i32.ltU(panels, run), panels, run));
        f.set(rows, i32.select(i32.eq(panels, count), lastRows, PANEL_ROWS));
        f.set(share, double ? i32.divU(i32.sub(count, i32.ltU(rows, PANEL_ROWS)), 2) : 0);
        f.set(left, tokens);
        f.set(groups, i32.divU(i32.add(tokens, single.length - 1), single.length));
        f.set(xAt, x);
        f.set(outAt, output);
        f.while(left, () => {
          f.set(size, i32.divU(i32.add(left, i32.sub(groups, 1)), groups));
          for (let i = 0; i < single.length; i++) f.if(i32.eq(size, i + 1), () => emitBatches(i));
          f.advance(xAt, i32.mul(xStride, size));
          f.advance(outAt, i32.mul(outStride, size));
          f.set(left, i32.sub(left, size));
          f.advance(groups, -1);
        });
        f.advance(panel, i32.mul(panelSize, count));
        f.advance(output, i32.mul(count, 4 * PANEL_ROWS));
        f.set(panels, i32.sub(panels, count));
      });
    },
  );
}

/** (first panel, bytes of a panel, panels, rows of the last, activations, output, tokens, cols, activation stride, output stride, scratch) */
const MANY_SIGNATURE = { params: [...nine, 'i32', 'i32'] } as const;

/**
 * Several tokens: for blocks of tokens, for chunks of columns, for panels, for tiles of tokens. A chunk's activations of all tokens of a
 * block stay in the second-level cache while panel after panel goes over them; a chunk of unpacked panels stays in the first. Where
 * activations are few, for panels, then for chunks of columns.
 */
function emitMultiplyMany(
  module: ModuleBuilder,
  name: string,
  kernels: FormatKernels,
): FunctionRef<typeof MANY_SIGNATURE.params, undefined> {
  const { tiles, unpack, chunkCols } = kernels;
  const tilePanelCount = tiles.bySize.length;
  const tileTokens = tiles.bySize[0].length;
  return module.function(
    `${name}.many`,
    MANY_SIGNATURE,
    (f, panel, panelSize, panels, lastRows, x, output, tokens, cols, xStride, outStride, scratch) => {
      const [
        perBlock,
        blockTokens,
        left,
        p,
        outPanel,
        from,
        start,
        column,
        width,
        xChunk,
        xAt,
        outAt,
        first,
        second,
        length,
      ] = f.locals('i32', 15);
      const spare = f.local('i32', i32.add(scratch, 2 * (unpack?.bytes ?? 0)));

      const emitTiles = (): void => {
        const rows = i32.select(i32.gtS(p, tilePanelCount), PANEL_ROWS, lastRows);
        for (let t = 1; t <= tileTokens; t++) {
          f.if(t < tileTokens ? i32.eq(left, t) : i32.geS(left, t), () => {
            const args = [first, second, xAt, xStride, length, outAt, outStride, rows, column, spare] as const;
            if (tilePanelCount === 1) f.call(tiles.bySize[0][t - 1], ...args);
            else
              f.if(
                i32.gtS(p, 1),
                () => f.call(tiles.bySize[1][t - 1], ...args),
                () => f.call(tiles.bySize[0][t - 1], ...args),
              );
          });
        }
      };
      const emitPanels = (): void => {
        if (unpack) {
          f.set(first, scratch);
          f.set(second, i32.add(scratch, unpack.bytes));
          f.call(unpack.run, from, first, unpack.length(width));
          if (tilePanelCount > 1)
            f.if(i32.gtS(p, 1), () => f.call(unpack.run, i32.add(from, panelSize), second, unpack.length(width)));
        } else {
          f.set(first, from);
          f.set(second, i32.add(from, panelSize));
        }
        f.set(left, blockTokens);
        f.set(xAt, xChunk);
        f.set(outAt, outPanel);
        f.while(i32.gtS(left, 0), () => {
          emitTiles();
          f.advance(xAt, i32.mul(xStride, tileTokens));
          f.advance(outAt, i32.mul(outStride, tileTokens));
          f.advance(left, -tileTokens);
        });
      };
      const setColumns = (): void => {
        f.set(width, i32.sub(cols, column));
        f.set(width, i32.select(i32.ltU(width, chunkCols), width, chunkCols));
        f.set(length, tiles.length(width));
        f.set(xChunk, i32.add(x, kernels.activationBytes(column)));
      };
      const forPanels = (place: Local<'i32'>, body: () => void): void => {
        f.set(outPanel, output);
        f.set(p, panels);
        f.while(i32.gtS(p, 0), () => {
          body();
          f.advance(place, i32.mul(panelSize, tilePanelCount));
          f.advance(outPanel, 4 * PANEL_ROWS * tilePanelCount);
          f.advance(p, -tilePanelCount);
        });
      };
      const emitChunksFirst = (): void => {
        f.for(column, 0, cols, chunkCols, () => {
          setColumns();
          f.set(from, i32.add(panel, kernels.panelBytes(column)));
          forPanels(from, emitPanels);
        });
      };
      const emitPanelsFirst = (): void => {
        f.set(start, panel);
        forPanels(start, () => {
          f.for(column, 0, cols, chunkCols, () => {
            setColumns();
            f.set(from, i32.add(start, kernels.panelBytes(column)));
            emitPanels();
          });
        });
      };

      f.set(width, i32.select(i32.ltU(cols, chunkCols), cols, chunkCols));
      f.set(perBlock, i32.and(i32.divU(TOKEN_BLOCK_BYTES, kernels.activationBytes(width)), -tileTokens));
      f.if(i32.ltU(perBlock, tileTokens), () => f.set(perBlock, tileTokens));
      f.while(tokens, () => {
        f.set(blockTokens, i32.select(i32.ltU(tokens, perBlock), tokens, perBlock));
        f.if(
          i32.leU(i32.mul(blockTokens, kernels.activationBytes(cols)), WHOLE_ROWS_BYTES),
          emitPanelsFirst,
          emitChunksFirst,
        );
        f.advance(x, i32.mul(xStride, blockTokens));
        f.advance(output, i32.mul(outStride, blockTokens));
        f.set(tokens, i32.sub(tokens, blockTokens));
      });
    },
  );
}

/** A kernel of each size of tile. */
export function tileSizes(
  maxPanels: number,
  maxTokens: number,
  emit: (panels: number, tokens: number) => TileRef,
): TileRef[][] {
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
  return upTo(maxPanels).map((panels) => upTo(maxTokens).map((tokens) => emit(panels, tokens)));
}
