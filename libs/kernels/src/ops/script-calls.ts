import type { KernelCall, Operand, Placed } from '../program/program.js';
import type { ScriptKernelName } from './script-kernels.js';

/** A call of a kernel in TypeScript. */
export const scriptCall = (name: ScriptKernelName, operands: readonly Operand[]): KernelCall => ({
  kernel: { kind: 'script', name },
  operands,
});

/**
 * Cosines and sines of the step's positions for rope.ts. Unit = token.
 * `frequencies`: one f64 for each pair, the angle a position adds; both are multiplied by `magnitude`.
 */
export function ropeTable(operands: {
  positions: Placed;
  frequencies: Placed;
  pairs: number;
  table: Placed;
  tableStride: number;
  magnitude: number;
}): KernelCall {
  const { positions, frequencies, pairs, table, tableStride, magnitude } = operands;
  return scriptCall('ropeTable', [positions, frequencies, pairs, table, tableStride, { float: magnitude }]);
}

/** A factor for each token that grows with its position: 1 + scale * ln(1 + floor((position + offset) / interval)). Unit = token. */
export function temperatureTable(operands: {
  positions: Placed;
  factors: Placed;
  scale: number;
  offset: number;
  interval: number;
}): KernelCall {
  const { positions, factors, scale, offset, interval } = operands;
  return scriptCall('temperatureTable', [positions, factors, { float: scale }, { float: offset }, { float: interval }]);
}

/** Copies rows of floats from another memory to the phase's own: where one range of layers ends and the next begins. Unit = row. */
export function transferRows(operands: {
  fromMemory: number;
  source: number | Placed;
  target: Placed;
  stride: number;
  columns: number;
}): KernelCall {
  const { fromMemory, source, target, stride, columns } = operands;
  return scriptCall('transferRows', [fromMemory, source, target, stride, columns]);
}
