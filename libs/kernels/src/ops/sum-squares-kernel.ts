import type { ScriptKernel } from './script-kernel.js';

/** Columns of a unit: rows are walked one after another, so that what is read lies together. */
const BLOCK_COLUMNS = 64;
const blockSums = new Float64Array(BLOCK_COLUMNS);

/** Units of so many columns of one matrix. */
export const sumSquaresUnits = (columns: number): number => Math.ceil(columns / BLOCK_COLUMNS);

/** The kernel of `sumSquares`. */
export const sumSquaresKernel: ScriptKernel = ({ words, floats }, at, begin, end) => {
  const input = words[at] >>> 2;
  const stride = words[at + 1] >>> 2;
  const columns = words[at + 2];
  const rows = words[words[at + 3] >>> 2];
  const firstRows = words[at + 4] >>> 2;
  const sums = words[at + 5] >>> 2;
  const counts = words[at + 6] >>> 2;
  const blocks = sumSquaresUnits(columns);
  for (let unit = begin; unit < end; unit++) {
    const matrix = Math.floor(unit / blocks);
    const first = (unit % blocks) * BLOCK_COLUMNS;
    const width = Math.min(BLOCK_COLUMNS, columns - first);
    const from = firstRows === 0 ? 0 : words[firstRows + matrix];
    const to = firstRows === 0 ? rows : words[firstRows + matrix + 1];
    if (from === to) continue;
    blockSums.fill(0);
    for (let row = from; row < to; row++) {
      const start = input + row * stride + first;
      for (let i = 0; i < width; i++) blockSums[i] += floats[start + i] * floats[start + i];
    }
    const target = sums + matrix * columns + first;
    for (let i = 0; i < width; i++) floats[target + i] += blockSums[i];
    if (first === 0) floats[counts + matrix] += to - from;
  }
};
