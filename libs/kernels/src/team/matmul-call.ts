import type { BoundKernel } from './kernel-binding.js';

type MatmulExport = (
  weights: number,
  input: number,
  output: number,
  rowBegin: number,
  rowEnd: number,
  tokens: number,
  columns: number,
  inputStride: number,
  outputStride: number,
  scratch: number,
) => void;

/**
 * Makes a kernel of a matrix product. Unit = row of the matrix. The descriptor:
 *
 * | word | content |
 * |---|---|
 * | 0..2 | addresses of weights, input, output |
 * | 3 | address of the word that holds the number of tokens |
 * | 4..6 | columns, strides of input and output in bytes |
 */
export function bindMatmul(exported: CallableFunction, words: Int32Array, scratch: number): BoundKernel {
  const run = exported as unknown as MatmulExport;
  return (descriptor, begin, end) => {
    const at = descriptor >>> 2;
    run(words[at], words[at + 1], words[at + 2], begin, end, words[words[at + 3] >>> 2], words[at + 4], words[at + 5], words[at + 6], scratch);
  };
}
