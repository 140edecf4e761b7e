import type { KernelCall, Placed } from '../program/program.js';
import { scriptCall } from './script-calls.js';

/**
 * Adds to `sums`, (matrices, columns), the squares of the floats in each column of the rows of each matrix, and to `counts` how many rows
 * there were. Unit = matrix * sumSquaresUnits(columns) + block of columns. For who measures what enters a matrix: no step of serving runs it.
 * @param operands `firstRows`: where the rows of each matrix begin, and where the last end; without it all `rows` rows are of one matrix
 */
export function sumSquares(operands: {
  input: Placed;
  inputStride: number;
  columns: number;
  rows: Placed;
  firstRows: Placed | undefined;
  sums: Placed;
  counts: Placed;
}): KernelCall {
  const { input, inputStride, columns, rows, firstRows, sums, counts } = operands;
  return scriptCall('sumSquares', [input, inputStride, columns, rows, firstRows ?? 0, sums, counts]);
}
