import { assert } from '@starling/core';
import type { ComputeMemory } from '../memory/compute-memory.js';
import { scriptKernels } from '../ops/script-kernels.js';
import type { KernelRef } from '../program/program.js';
import type { BoundKernel } from './bound-kernel.js';
import { bindMatrixKernel } from './matrix-calls.js';

type DescriptorExport = (descriptor: number, begin: number, end: number, scratch: number) => void;

/** The name under which a team knows the module of all matrix kernels. */
export const matmulModuleName = 'matmul';

/** The modules of a team by name. */
export type NamedModules = Readonly<Record<string, WebAssembly.Module>>;

/** One worker's instances of all modules, one for each memory, made when first needed. */
export class KernelBinding {
  readonly #memories: readonly ComputeMemory[];
  readonly #modules: NamedModules;
  readonly #kernels: readonly KernelRef[];
  readonly #scratch: readonly number[];
  readonly #exports = new Map<string, WebAssembly.Exports>();

  /** @param scratch for each memory the address of this worker's scratch */
  constructor(
    memories: readonly ComputeMemory[],
    modules: NamedModules,
    kernels: readonly KernelRef[],
    scratch: readonly number[],
  ) {
    this.#memories = memories;
    this.#modules = modules;
    this.#kernels = kernels;
    this.#scratch = scratch;
  }

  /** The kernel of that number in the table, working in that memory. */
  kernel(memory: number, index: number): BoundKernel {
    const ref = this.#kernels[index];
    assert(ref !== undefined, `kernel ${index} is in the table`);
    if (ref.kind === 'script') {
      const run = scriptKernels[ref.name];
      const home = this.#memories[memory];
      const memories = this.#memories;
      return (descriptor, begin, end) => run(home, descriptor >>> 2, begin, end, memories);
    }
    const module = ref.kind === 'matrix' ? matmulModuleName : ref.module;
    const exported = this.#instance(memory, module)[ref.name];
    assert(typeof exported === 'function', `module ${module} exports ${ref.name}`);
    if (ref.kind === 'matrix')
      return bindMatrixKernel(ref.role, exported, this.#memories[memory].words, this.#scratch[memory]);
    const run = exported as DescriptorExport;
    const scratch = this.#scratch[memory];
    return (descriptor, begin, end) => run(descriptor, begin, end, scratch);
  }

  #instance(memory: number, name: string): WebAssembly.Exports {
    const key = `${memory}/${name}`;
    let exports = this.#exports.get(key);
    if (!exports) {
      assert(name in this.#modules, `module ${name} was given to the team`);
      exports = new WebAssembly.Instance(this.#modules[name], { env: { memory: this.#memories[memory].memory } })
        .exports;
      this.#exports.set(key, exports);
    }
    return exports;
  }
}
