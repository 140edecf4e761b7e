import { ComputeMemory } from '../memory/compute-memory.js';
import { controlBytes } from '../team/control-block.js';
import { sumSquaresKernel, sumSquaresUnits } from './sum-squares-kernel.js';

const [COLUMNS, STRIDE, ROWS, MATRICES] = [70, 80, 6, 3];

describe('sums of squares by column', () => {
  const [input, first, sums, counts, rows, at] = [0, 1000, 1100, 1400, 1450, 1500].map(
    (word) => controlBytes / 4 + word,
  );
  const run = (firstRows: readonly number[] | undefined, matrices: number, times: number): ComputeMemory => {
    const memory = ComputeMemory.create(65536);
    for (let i = 0; i < ROWS * STRIDE; i++) memory.floats[input + i] = (i % 11) - 5;
    memory.words[rows] = ROWS;
    memory.words.set(firstRows ?? [], first);
    memory.words.set([4 * input, 4 * STRIDE, COLUMNS, 4 * rows, firstRows ? 4 * first : 0, 4 * sums, 4 * counts], at);
    const units = matrices * sumSquaresUnits(COLUMNS);
    for (let time = 0; time < times; time++)
      for (let unit = 0; unit < units; unit++) sumSquaresKernel(memory, at, unit, unit + 1, [memory]);
    return memory;
  };
  const expected = (column: number, from: number, to: number): number => {
    let sum = 0;
    for (let row = from; row < to; row++) sum += (((row * STRIDE + column) % 11) - 5) ** 2;
    return sum;
  };

  it('are of all rows of one matrix, and add up over steps', () => {
    const { floats } = run(undefined, 1, 2);
    expect(floats[counts]).toBe(2 * ROWS);
    for (const column of [0, 63, 64, 69]) expect(floats[sums + column]).toBe(2 * expected(column, 0, ROWS));
    expect(floats[sums + COLUMNS]).toBe(0);
  });

  it('are of the rows of each expert, none of one that got none', () => {
    const { floats } = run([0, 2, 2, ROWS], MATRICES, 1);
    expect(Array.from(floats.subarray(counts, counts + MATRICES))).toEqual([2, 0, ROWS - 2]);
    for (const column of [0, 69]) {
      expect(floats[sums + column]).toBe(expected(column, 0, 2));
      expect(floats[sums + COLUMNS + column]).toBe(0);
      expect(floats[sums + 2 * COLUMNS + column]).toBe(expected(column, 2, ROWS));
    }
  });
});
