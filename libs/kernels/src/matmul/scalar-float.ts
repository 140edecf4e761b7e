import { FLOAT_BLOCK } from './float-panels.js';

const { fround } = Math;

/**
 * One output of a float matrix: a row of weights (as floats) times a row of activations. Twin of `matmul` of F32, F16 and BF16 in the
 * plain build: the same order of sums.
 */
export function scalarFloatDot(weights: Float32Array, activations: Float32Array): number {
  let sum = 0;
  for (let begin = 0; begin < weights.length; begin += FLOAT_BLOCK) {
    let partial = 0;
    const end = Math.min(weights.length, begin + FLOAT_BLOCK);
    for (let col = begin; col < end; col++) partial = fround(partial + fround(weights[col] * activations[col]));
    sum = fround(sum + partial);
  }
  return sum;
}
