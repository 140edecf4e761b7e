import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import type { DotMode, KernelBuild } from './dot-mode.js';
import { planeCount, productModeFor } from './dot-accumulator.js';
import {
  emitMatmul,
  FEW_STREAMS,
  MAX_STREAMS,
  MAX_TILE_TOKENS,
  tilePanels,
  tileSizes,
  type BatchRef,
} from './emit-driver.js';
import { emitBatch } from './emit-quant-batch.js';
import { emitMatvec } from './emit-quant-matvec.js';
import { emitTile } from './emit-quant-tile.js';
import { emitUnpack } from './emit-quant-unpack.js';
import { GROUP_VALUES, panelBytes, type QuantSpec } from './quant-spec.js';
import { CHUNK_COLS, chunkBytes } from './quant-scratch.js';

/** Tokens that a kernel without scratch takes at a time: as many sums as registers hold. */
const BATCH_TOKENS = 4;

/**
 * Runs of memory that a matrix-vector product walks at once. Measured: with joined vectors, four are read 10 to 15 % faster than two, but
 * not of formats of 3 and 5 bits, whose codes are put together from several vectors; without joined vectors registers do not reach.
 */
function streamsFor({ bits }: QuantSpec, { wide }: KernelBuild): number {
  return wide && bits % 2 === 0 ? MAX_STREAMS : FEW_STREAMS;
}

/** Whether the processor has an instruction that sums four products of bytes. Those that do have a megabyte of second-level cache, or more. */
const sumsFour = (dot: DotMode): boolean => dot === 'unsigned' || dot === 'signed';

/**
 * Up to how many tokens such kernels are faster than tiles, which unpack once for all tokens, but wait for memory meanwhile. Measured: with
 * joined vectors, codes that lie whole in a byte cost so little to unpack that it can be done again and again; where one instruction sums
 * four products, so little is left of computing that the wait weighs more.
 */
function batchLimit({ bits }: QuantSpec, { wide, dot }: KernelBuild): number {
  if (!wide) return BATCH_TOKENS;
  const isWholeInByte = 8 % bits === 0;
  if (sumsFour(dot)) return (isWholeInByte ? 16 : 6) * BATCH_TOKENS;
  return (isWholeInByte ? 4 : 2) * BATCH_TOKENS;
}

/** Exports `matmul.NAME`. Activations are quantized, see activation-layout.ts. */
export function emitQuantMatmul(module: ModuleBuilder, name: string, spec: QuantSpec, build: KernelBuild): void {
  const mode = productModeFor(build.dot, spec.maxCode);
  // V8 does not join table look-ups, and what it cannot join should come one after another.
  const vectorBuild = spec.table ? { ...build, wide: false, fences: true } : build;
  const streams = streamsFor(spec, vectorBuild);
  const [many, single] = [streams, 1].map((count) => emitMatvec(module, name, spec, vectorBuild, count));
  const bySize = tileSizes(tilePanels(build), MAX_TILE_TOKENS / planeCount(mode), (panels, tokens) =>
    emitTile(module, name, spec, build, panels, tokens),
  );
  const batch = (streams: number): BatchRef[] =>
    Array.from({ length: BATCH_TOKENS }, (_, i) => emitBatch(module, name, spec, vectorBuild, streams, i + 1));
  emitMatmul(module, name, {
    batches: {
      single: batch(1),
      ...(vectorBuild.wide ? { double: batch(2) } : {}),
      limit: batchLimit(spec, vectorBuild),
      runBytes: (sumsFour(build.dot) ? 384 : 192) * 1024,
    },
    matvec: {
      streams,
      many,
      single,
      length: (x, cols) => i32.add(x, i32.mul(i32.divU(cols, GROUP_VALUES), ACTIVATION_BLOCK.bytes)),
    },
    tiles: { bySize, length: (cols) => i32.divU(cols, GROUP_VALUES) },
    unpack: {
      run: emitUnpack(module, name, spec, build),
      bytes: chunkBytes(spec, mode),
      length: (cols) => i32.divU(cols, spec.blockValues),
    },
    chunkCols: CHUNK_COLS,
    panelBytes: (cols) => i32.mul(i32.divU(cols, spec.blockValues), panelBytes(spec, spec.blockValues)),
    activationBytes: (cols) => i32.mul(i32.divU(cols, GROUP_VALUES), ACTIVATION_BLOCK.bytes),
  });
}
