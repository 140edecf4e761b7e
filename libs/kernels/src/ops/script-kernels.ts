import type { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelCall, Operand, Placed } from '../program/program.js';

/**
 * A kernel in TypeScript, for what is small or rare. Its operands are the words from `at` on in the memory of its phase.
 * It must not allocate: it runs in every step.
 */
type ScriptKernel = (home: ComputeMemory, at: number, begin: number, end: number, memories: readonly ComputeMemory[]) => void;

export type ScriptKernelName = 'ropeTable' | 'transferRows';

/** The kernels in TypeScript, by name. */
export const scriptKernels: Readonly<Record<ScriptKernelName, ScriptKernel>> = {
  ropeTable({ words, floats, doubles }, at, begin, end) {
    const positions = words[at] >>> 2;
    const frequencies = words[at + 1] >>> 3;
    const pairs = words[at + 2];
    const table = words[at + 3] >>> 2;
    const stride = words[at + 4] >>> 2;
    const magnitude = floats[at + 5];
    for (let token = begin; token < end; token++) {
      const position = words[positions + token];
      const row = table + token * stride;
      for (let pair = 0; pair < pairs; pair++) {
        const angle = position * doubles[frequencies + pair];
        floats[row + pair] = Math.cos(angle) * magnitude;
        floats[row + pairs + pair] = Math.sin(angle) * magnitude;
      }
    }
  },

  transferRows({ words, floats }, at, begin, end, memories) {
    const from = memories[words[at]].floats;
    const source = words[at + 1] >>> 2;
    const target = words[at + 2] >>> 2;
    const stride = words[at + 3] >>> 2;
    const columns = words[at + 4];
    for (let row = begin; row < end; row++) {
      const first = row * stride;
      for (let column = 0; column < columns; column++) floats[target + first + column] = from[source + first + column];
    }
  },
};

const call = (name: ScriptKernelName, operands: readonly Operand[]): KernelCall => ({ kernel: { kind: 'script', name }, operands });

/**
 * Cosines and sines of the step's positions for rope.ts. Unit = token.
 * `frequencies`: one f64 for each pair, the angle a position adds; both are multiplied by `magnitude`.
 */
export function ropeTable(operands: { positions: Placed; frequencies: Placed; pairs: number; table: Placed; tableStride: number; magnitude: number }): KernelCall {
  const { positions, frequencies, pairs, table, tableStride, magnitude } = operands;
  return call('ropeTable', [positions, frequencies, pairs, table, tableStride, { float: magnitude }]);
}

/** Copies rows of floats from another memory to the phase's own: where one range of layers ends and the next begins. Unit = row. */
export function transferRows(operands: { fromMemory: number; source: number | Placed; target: Placed; stride: number; columns: number }): KernelCall {
  const { fromMemory, source, target, stride, columns } = operands;
  return call('transferRows', [fromMemory, source, target, stride, columns]);
}
