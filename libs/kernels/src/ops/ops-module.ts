import type { KernelSource, OpsBuild } from '../program/program.js';
import { ModuleBuilder } from '../wasm/module-builder.js';
import { maximumMemoryBytes } from '../memory/memory-layout.js';

/** Builds the ops module with just the kernels that programs use. */
export function buildOpsModule(sources: Iterable<KernelSource>, build: OpsBuild): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory('env', 'memory', { initialPages: 1, maximumPages: maximumMemoryBytes / 65536, shared: true });
  for (const source of sources) source.emit(module, build);
  return module.encode();
}
