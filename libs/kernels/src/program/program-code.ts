import { stepCounts } from '../team/control-block.js';
import type { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelCall, KernelRef, KernelSource, Operand, Phase } from './program.js';

/*
 * A program in memory, as 32-bit words.
 *
 * Structure, in the first memory:
 *
 * | words | content |
 * |---|---|
 * | 1 | number of phases; then for each phase: |
 * | 2 | memory index, number of tasks; then for each task: |
 * | 5 | step count, factor, chunk for one token and for several, number of calls; then for each call: |
 * | 2 | kernel (index into the table of kernels), byte address of its descriptor |
 *
 * Descriptor, in the memory of its phase: the call's operands, one word each.
 */

/** A call as a worker runs it. */
export interface DecodedCall {
  readonly kernel: number;
  readonly descriptor: number;
}

export interface DecodedTask {
  readonly per: number;
  readonly factor: number;
  readonly chunk: number;
  readonly batchChunk: number;
  readonly calls: readonly DecodedCall[];
}

export interface DecodedPhase {
  readonly memory: number;
  readonly tasks: readonly DecodedTask[];
}

/** The kernels that programs name by number. The table is the same in each worker. */
export class KernelTable {
  readonly kernels: KernelRef[] = [];
  /** The code that the ops module has to hold, by name. */
  readonly sources = new Map<string, KernelSource>();
  readonly #indexes = new Map<string, number>();

  /** Enters all kernels of a program. */
  add(phases: readonly Phase[]): void {
    for (const { tasks } of phases) {
      for (const { calls } of tasks) {
        for (const { kernel, source } of calls) {
          this.indexOf(kernel);
          if (source) this.sources.set(source.name, source);
        }
      }
    }
  }

  indexOf(kernel: KernelRef): number {
    const key = `${kernel.kind === 'matrix' ? kernel.role : kernel.kind}/${kernel.name}`;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.kernels.length;
      this.kernels.push(kernel);
      this.#indexes.set(key, index);
    }
    return index;
  }
}

/** Words that the structure of a program takes. */
export function structureWords(phases: readonly Phase[]): number {
  let words = 1;
  for (const phase of phases) {
    words += 2;
    for (const task of phase.tasks) words += 5 + 2 * task.calls.length;
  }
  return words;
}

/** Words that the descriptors of a program take in one memory. */
export function descriptorWords(phases: readonly Phase[], memory: number): number {
  let words = 0;
  for (const call of callsIn(phases, memory)) words += call.operands.length;
  return words;
}

function* callsIn(phases: readonly Phase[], memory: number): Generator<KernelCall> {
  for (const phase of phases) {
    if (phase.home.index !== memory) continue;
    for (const task of phase.tasks) yield* task.calls;
  }
}

/**
 * Writes a program: the structure at `structureAddress` of the first memory, the descriptors at `descriptorAddresses[i]` of memory i.
 * All addresses are in bytes. Everything Placed must have its address by now.
 */
export function writeProgram(
  phases: readonly Phase[],
  table: KernelTable,
  memories: readonly ComputeMemory[],
  structureAddress: number,
  descriptorAddresses: readonly number[],
): void {
  const structure = memories[0].words;
  const nextDescriptor = [...descriptorAddresses];
  let at = structureAddress >>> 2;
  structure[at++] = phases.length;
  for (const { home, tasks } of phases) {
    structure[at++] = home.index;
    structure[at++] = tasks.length;
    for (const task of tasks) {
      structure[at++] = stepCounts[task.per];
      structure[at++] = task.factor;
      structure[at++] = task.chunk;
      structure[at++] = task.batchChunk ?? task.chunk;
      structure[at++] = task.calls.length;
      for (const { kernel, operands } of task.calls) {
        structure[at++] = table.indexOf(kernel);
        structure[at++] = nextDescriptor[home.index];
        writeOperands(operands, memories[home.index], nextDescriptor[home.index]);
        nextDescriptor[home.index] += 4 * operands.length;
      }
    }
  }
}

function writeOperands(operands: readonly Operand[], memory: ComputeMemory, address: number): void {
  operands.forEach((operand, index) => {
    const at = (address >>> 2) + index;
    if (typeof operand === 'number') memory.words[at] = operand;
    else if ('float' in operand) memory.floats[at] = operand.float;
    else memory.words[at] = operand.address;
  });
}

/** Reads a program's structure back. */
export function readProgram(words: Int32Array, structureAddress: number): DecodedPhase[] {
  let at = structureAddress >>> 2;
  const list = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read);
  const call = (): DecodedCall => ({ kernel: words[at++], descriptor: words[at++] >>> 0 });
  const task = (): DecodedTask => {
    const [per, factor, chunk, batchChunk, callCount] = words.subarray(at, at + 5);
    at += 5;
    return { per, factor, chunk, batchChunk, calls: list(callCount, call) };
  };
  return list(words[at++], () => {
    const memory = words[at++];
    return { memory, tasks: list(words[at++], task) };
  });
}
