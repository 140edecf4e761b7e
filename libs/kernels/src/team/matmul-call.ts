import type { BoundKernel } from './kernel-binding.js';

type MatmulExport = (
  weights: number,
  input: number,
  inputStride: number,
  output: number,
  outputStride: number,
  rows: number,
  columns: number,
  tokens: number,
  rowBegin: number,
  rowEnd: number,
) => void;

/** Makes a kernel of a matrix product, whose operands are the words of `MatmulOperands` in their order. Unit = row of the matrix. */
export function bindMatmul(exported: CallableFunction, words: Int32Array): BoundKernel {
  const run = exported as unknown as MatmulExport;
  return (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    run(words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4], words[at + 5], words[at + 6], words[words[at + 7] >>> 2], begin, end);
  };
}
