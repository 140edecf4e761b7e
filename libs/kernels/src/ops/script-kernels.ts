import type { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelCall, Operand, Placed } from '../program/program.js';

/**
 * A kernel in TypeScript, for what is small or rare. Its operands are the words from `at` on in the memory of its phase.
 * It must not allocate: it runs in every step.
 */
type ScriptKernel = (home: ComputeMemory, at: number, begin: number, end: number, memories: readonly ComputeMemory[]) => void;

export type ScriptKernelName = 'ropeTable' | 'temperatureTable' | 'transferRows';

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

  temperatureTable({ words, floats }, at, begin, end) {
    const positions = words[at] >>> 2;
    const factors = words[at + 1] >>> 2;
    const scale = floats[at + 2];
    const offset = floats[at + 3];
    const interval = floats[at + 4];
    for (let token = begin; token < end; token++) {
      floats[factors + token] = 1 + scale * Math.log(1 + Math.floor((words[positions + token] + offset) / interval));
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

/** A factor for each token that grows with its position: 1 + scale * ln(1 + floor((position + offset) / interval)). Unit = token. */
export function temperatureTable(operands: { positions: Placed; factors: Placed; scale: number; offset: number; interval: number }): KernelCall {
  const { positions, factors, scale, offset, interval } = operands;
  return call('temperatureTable', [positions, factors, { float: scale }, { float: offset }, { float: interval }]);
}

/** Copies rows of floats from another memory to the phase's own: where one range of layers ends and the next begins. Unit = row. */
export function transferRows(operands: { fromMemory: number; source: number | Placed; target: Placed; stride: number; columns: number }): KernelCall {
  const { fromMemory, source, target, stride, columns } = operands;
  return call('transferRows', [fromMemory, source, target, stride, columns]);
}
