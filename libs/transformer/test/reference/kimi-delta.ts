import { convolution } from './recurrences.js';
import type { Block } from './reference-decoder.js';
import { add, dot, multiply, rmsNorm, scale, sigmoid, silu, split, type Matrix, type Row } from './scalar-math.js';

/** How a step of one element becomes the exponent of its decay. */
export type ExponentOf = (step: number, rate: number) => number;

/** Two maps in a row, or one if the block has no second. */
const chain = (block: Block, [first, second]: readonly string[], x: Row): Row =>
  block.optionalVector(`${second}.weight`) ? block.apply(second, block.apply(first, x)) : block.apply(first, x);

/** Kimi's delta attention (Kimi Team, 2025): the gated delta rule with a decay for each element of a head's keys. */
export function kimiDelta(block: Block, x: Matrix, heads: number, exponentOf: ExponentOf): Matrix {
  const [qs, ks, vs] = ['q', 'k', 'v'].map((part, i) => {
    const rows = block.optionalVector('attn_qkv.weight')
      ? x.map((row) => split(block.apply('attn_qkv', row), 3)[i])
      : x.map((row) => block.apply(`attn_${part}`, row));
    return convolution(rows, block.matrix(`ssm_conv1d_${part}.weight`)).map((row) => split(row.map(silu), heads));
  });
  const length = qs[0][0].length;
  const unit = (row: Row): Row => scale(row, 1 / Math.sqrt(dot(row, row) + 1e-5));
  const [rates, biases] = [block.vector('ssm_a'), split(block.vector('ssm_dt.bias'), heads)];
  // states[h][i] belongs to element i of the values, and has a number for each element of the keys.
  const states: Matrix[] = Array.from({ length: heads }, () =>
    Array.from({ length }, () => new Array<number>(length).fill(0)),
  );
  return x.map((input, t) => {
    const steps = split(chain(block, ['ssm_f_a', 'ssm_f_b'], input), heads);
    const strengths = block.apply('ssm_beta', input).map(sigmoid);
    const gate = block.optionalVector('ssm_g.weight')
      ? block.apply('ssm_g', input)
      : chain(block, ['ssm_g_a', 'ssm_g_b'], input);
    const result = vs[t].flatMap((value, h) => {
      const [q, k] = [scale(unit(qs[t][h]), 1 / Math.sqrt(length)), unit(ks[t][h])];
      const decays = add(steps[h], biases[h]).map((step) => Math.exp(exponentOf(step, rates[h])));
      states[h] = states[h].map((line) => multiply(line, decays));
      states[h] = states[h].map((line, i) => add(line, scale(k, strengths[h] * (value[i] - dot(line, k)))));
      return rmsNorm(
        states[h].map((line) => dot(line, q)),
        block.vector('ssm_norm.weight'),
      );
    });
    return block.apply('attn_output', multiply(result, gate.map(sigmoid)));
  });
}
