import type { KernelBuild } from './dot-mode.js';

/** How a platform compiles modules of kernels. */
export interface KernelCompiler {
  /** The fastest build that modules can be made for here. */
  readonly build: KernelBuild;
  /** Compiles a module of some build. */
  compile(bytes: BufferSource, build: KernelBuild): Promise<WebAssembly.Module>;
}
