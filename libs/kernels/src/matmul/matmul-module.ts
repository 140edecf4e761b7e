import { ModuleBuilder } from '../wasm/module-builder.js';
import { byteBlock } from './byte-block.js';
import type { KernelBuild } from './dot-mode.js';
import { emitFloatMatmul } from './emit-float-matmul.js';
import { emitQuantMatmul } from './emit-quant-matmul.js';
import { emitPack } from './emit-quant-pack.js';
import { emitUnpackRow } from './emit-quant-unpack.js';
import { emitQuantize } from './emit-quantize.js';
import { FILE_BLOCKS } from './file-blocks.js';
import { emitFloatPack, emitFloatUnpackRow } from './float-panels.js';
import type { MatmulFormatName } from './format.js';
import { QUANT_SPECS } from './quant-formats.js';
import { isRewritten } from './rewrite.js';

/** Pages of 64 KiB that any memory of the kernels may have. */
const MEMORY_PAGES = { initialPages: 1, maximumPages: 65536 } as const;

/**
 * The module of all matrix kernels for some formats, see MatmulFormat for its exports. It imports the memory `env.memory`
 * and keeps nothing in it.
 * @param shared whether that memory is
 */
export function buildMatmulModule(
  formats: Iterable<MatmulFormatName>,
  build: KernelBuild,
  shared = true,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory('env', 'memory', { ...MEMORY_PAGES, shared });
  emitQuantize(module);
  for (const name of new Set(formats)) emitFormat(module, name, build);
  return module.encode();
}

function emitFormat(module: ModuleBuilder, name: MatmulFormatName, build: KernelBuild): void {
  if (name === 'F32' || name === 'F16' || name === 'BF16') {
    emitFloatPack(module, name);
    emitFloatUnpackRow(module, name);
    emitFloatMatmul(module, name, build);
    return;
  }
  const spec = QUANT_SPECS[name];
  emitPack(module, name, spec, isRewritten(name) ? byteBlock(spec) : FILE_BLOCKS[name]);
  emitUnpackRow(module, name, spec, build);
  emitQuantMatmul(module, name, spec, build);
}
