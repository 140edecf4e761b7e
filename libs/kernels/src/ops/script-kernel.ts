import type { ComputeMemory } from '../memory/compute-memory.js';

/**
 * A kernel in TypeScript, for what is small or rare. Its operands are the words from `at` on in the memory of its phase.
 * It must not allocate: it runs in every step.
 */
export type ScriptKernel = (
  home: ComputeMemory,
  at: number,
  begin: number,
  end: number,
  memories: readonly ComputeMemory[],
) => void;
