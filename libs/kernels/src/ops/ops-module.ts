import type { KernelSource, OpsBuild } from '../program/program.js';
import { ModuleBuilder } from '../wasm/module-builder.js';
import { maximumMemoryBytes } from '../memory/memory-layout.js';

/**
 * Builds the ops module with just the kernels that programs use.
 * @param shared whether its memory is
 */
export function buildOpsModule(
  sources: Iterable<KernelSource>,
  build: OpsBuild,
  shared = true,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory('env', 'memory', { initialPages: 1, maximumPages: maximumMemoryBytes / 65536, shared });
  for (const source of sources) source.emit(module, build);
  return module.encode();
}
