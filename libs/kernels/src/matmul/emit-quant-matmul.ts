import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import type { KernelBuild } from './dot-mode.js';
import { dotModeFor } from './dot-accumulator.js';
import { emitMatmul, MAX_TILE_TOKENS, STREAMS, tilePanels, tileSizes } from './emit-driver.js';
import { emitMatvec } from './emit-quant-matvec.js';
import { emitTile } from './emit-quant-tile.js';
import { emitUnpack } from './emit-quant-unpack.js';
import { GROUP_VALUES, panelBytes, type QuantSpec } from './quant-spec.js';
import { CHUNK_COLS, chunkBytes } from './quant-scratch.js';

/** Exports `matmul.NAME`. Activations are quantized, see activation-layout.ts. */
export function emitQuantMatmul(module: ModuleBuilder, name: string, spec: QuantSpec, build: KernelBuild): void {
  const mode = dotModeFor(build.dot, spec.maxCode);
  // V8 does not join table look-ups, and what it cannot join should come one after another.
  const vectorBuild = spec.table ? { ...build, wide: false, fences: true } : build;
  const [many, single] = [STREAMS, 1].map((streams) => emitMatvec(module, name, spec, vectorBuild, streams));
  const bySize = tileSizes(tilePanels(build), mode === 'words' ? 2 : MAX_TILE_TOKENS, (panels, tokens) => emitTile(module, name, spec, build, panels, tokens));
  emitMatmul(module, name, {
    matvec: { many, single, length: (x, cols) => i32.add(x, i32.mul(i32.divU(cols, GROUP_VALUES), ACTIVATION_BLOCK.bytes)) },
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
