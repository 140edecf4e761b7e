import { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelCall, OpsBuild } from '../program/program.js';
import { compileKernelsNow } from '../matmul/compile-kernels.node.js';
import { buildOpsModule } from './ops-module.js';

type Kernel = (descriptor: number, begin: number, end: number, scratch: number) => void;

const descriptorBytes = 256;
const scratchBytes = 128 * 1024;

/** Runs single kernels of the ops module over a memory, for tests and benchmarks: in a wide build with vectors joined, where the engine can. Places in memory are handed out one after another. */
export class OpsHarness {
  readonly memory: ComputeMemory;
  readonly #build: OpsBuild;
  readonly #kernels = new Map<string, Kernel>();
  #scratch: number | undefined;
  #next = 1024;

  constructor({ relaxed = false, wide = false, memoryBytes = 2 ** 21 } = {}) {
    this.memory = ComputeMemory.create(memoryBytes);
    this.#build = { relaxed, wide };
  }

  /** Sets bytes aside, aligned to 64. */
  place(bytes: number): number {
    const at = this.#next;
    this.#next = Math.ceil((at + bytes) / 64) * 64;
    return at;
  }

  /** Puts floats into memory; gives their address. */
  floats(values: ArrayLike<number>): number {
    const at = this.place(4 * values.length);
    this.memory.floats.set(values, at >>> 2);
    return at;
  }

  /** Puts 32-bit words into memory; gives their address. */
  words(values: ArrayLike<number>): number {
    const at = this.place(4 * values.length);
    this.memory.words.set(values, at >>> 2);
    return at;
  }

  /** Floats at an address, as a copy. */
  read(at: number, count: number): Float32Array {
    return this.memory.floats.slice(at >>> 2, (at >>> 2) + count);
  }

  /** Makes a call ready to be run over units [begin, end). */
  prepare(call: KernelCall): (begin: number, end: number) => void {
    const descriptor = this.place(descriptorBytes);
    const { words, floats } = this.memory;
    call.operands.forEach((operand, index) => {
      const at = (descriptor >>> 2) + index;
      if (typeof operand === 'number') words[at] = operand;
      else if ('float' in operand) floats[at] = operand.float;
      else words[at] = operand.address;
    });
    const kernel = this.#kernel(call);
    this.#scratch ??= this.place(scratchBytes);
    const scratch = this.#scratch;
    return (begin, end) => kernel(descriptor, begin, end, scratch);
  }

  /** Runs a call over units [begin, end). */
  run(call: KernelCall, begin: number, end: number): void {
    this.prepare(call)(begin, end);
  }

  #kernel({ source }: KernelCall): Kernel {
    if (!source) throw new TypeError('only kernels of the ops module can be run');
    let kernel = this.#kernels.get(source.name);
    if (!kernel) {
      const bytes = buildOpsModule([source], this.#build);
      const module = this.#build.wide ? compileKernelsNow(bytes, this.#build) : new WebAssembly.Module(bytes);
      kernel = new WebAssembly.Instance(module, { env: { memory: this.memory.memory } }).exports[source.name] as Kernel;
      this.#kernels.set(source.name, kernel);
    }
    return kernel;
  }
}

/** Numbers in [-1, 1), the same for the same seed. */
export function randomFloats(count: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
