import type { Block } from './reference-decoder.js';
import {
  add,
  dot,
  layerNorm,
  linear,
  multiply,
  scale,
  sigmoid,
  silu,
  split,
  squaredRelu,
  sum,
  type Matrix,
  type Row,
} from './scalar-math.js';

/*
 * The blocks of RWKV, token by token as their papers define them.
 */

const minus = (a: Row, b: Row): Row => a.map((value, i) => value - b[i]);
const zeros = (length: number): Row => new Array<number>(length).fill(0);
/** A row on the way from a token's to that of the token before (zero at the start). */
const towards = (x: Matrix, t: number, factors: Row): Row =>
  add(x[t], multiply(factors, minus(x[t - 1] ?? zeros(x[t].length), x[t])));

/** up(activation(down x)) + a vector, if the block has it. */
const lowRank = (
  block: Block,
  [down, up, bias]: readonly string[],
  x: Row,
  activation: (value: number) => number = (value) => value,
): Row =>
  add(
    block.apply(`time_mix_${up}`, block.apply(`time_mix_${down}`, x).map(activation)),
    block.optionalVector(`time_mix_${bias}.weight`) ?? zeros(x.length),
  );

/** The vectors by which rows go towards the token before: in one tensor, or each in its own. */
function lerps(block: Block, names: readonly string[]): Matrix {
  if (block.optionalVector('time_mix_lerp_fused.weight'))
    return split(block.vector('time_mix_lerp_fused.weight'), names.length);
  return names.map((name) => block.vector(`time_mix_lerp_${name}.weight`));
}

/** Norms of heads (Wu and He, 2018), with a weight and a bias for each element. */
function headNorms(block: Block, result: Row, heads: number): Row {
  const [weights, biases] = [
    split(block.vector('time_mix_ln.weight'), heads),
    split(block.vector('time_mix_ln.bias'), heads),
  ];
  return split(result, heads).flatMap((part, h) => layerNorm(part, weights[h], biases[h], 64e-5));
}

/** A matrix for each head; [value][key]. */
const newStates = (heads: number, length: number): Matrix[] =>
  Array.from({ length: heads }, () => Array.from({ length }, () => zeros(length)));

/** The time mix of RWKV-6 (Peng et al., 2024); without `time_mix_first` gated linear attention (Yang et al., 2024). */
export function timeMix6(block: Block, x: Matrix, heads: number, kvHeads: number): Matrix {
  const length = x[0].length / heads;
  const states = newStates(heads, length);
  const bonus = block.optionalVector('time_mix_first.weight');
  const shifts = block.matrices('time_mix_w2.weight');
  const vectors = lerps(block, ['w', 'k', 'v', 'r', 'g']);
  return x.map((_, t) => {
    const short = split(
      block.apply('time_mix_w1', towards(x, t, block.vector('time_mix_lerp_x.weight'))).map(Math.tanh),
      shifts.length,
    );
    const [xw, xk, xv, xr, xg] = shifts.map((shift, i) => towards(x, t, add(vectors[i], linear(shift, short[i]))));
    const decays = split(
      lowRank(block, ['decay_w1', 'decay_w2', 'decay'], xw, Math.tanh).map((value) => Math.exp(-Math.exp(value))),
      heads,
    );
    const [keys, values] = [
      split(block.apply('time_mix_key', xk), kvHeads),
      split(block.apply('time_mix_value', xv), kvHeads),
    ];
    const receptances = split(block.apply('time_mix_receptance', xr), heads);
    const result = receptances.flatMap((r, h) => {
      const shared = Math.floor((h * kvHeads) / heads);
      const [v, w] = [values[shared], decays[h]];
      const k = bonus
        ? keys[shared]
        : multiply(
            keys[shared],
            w.map((value) => 1 - value),
          );
      const before = states[h];
      states[h] = before.map((line, i) => add(multiply(line, w), scale(k, v[i])));
      if (!bonus) return states[h].map((line) => dot(line, r) / Math.sqrt(length));
      const first = split(bonus, heads)[h];
      return before.map((line, i) => dot(add(line, scale(multiply(first, k), v[i])), r));
    });
    const gate = block.apply('time_mix_gate', xg);
    return block.apply(
      'time_mix_output',
      bonus ? multiply(headNorms(block, result, heads), gate.map(silu)) : multiply(result, gate.map(sigmoid)),
    );
  });
}

/** The time mix of RWKV-7 (Peng et al., 2025). @param first the values of the first layer, which it leaves there */
export function timeMix7(block: Block, x: Matrix, heads: number, first: Matrix): Matrix {
  const length = x[0].length / heads;
  const states = newStates(heads, length);
  const hasGate = block.optionalVector('time_mix_g1.weight') !== undefined;
  const vectors = lerps(block, ['r', 'w', 'k', 'v', 'a', ...(hasGate ? ['g'] : [])]);
  const of = (name: string): Row => block.vector(`time_mix_${name}.weight`);
  return x.map((_, t) => {
    const [xr, xw, xk, xv, xa, xg] = vectors.map((vector) => towards(x, t, vector));
    const decays = lowRank(block, ['w1', 'w2', 'w0'], xw, Math.tanh).map((value) =>
      Math.exp(-0.606531 * sigmoid(value)),
    );
    const rates = lowRank(block, ['a1', 'a2', 'a0'], xa).map(sigmoid);
    const key = block.apply('time_mix_key', xk);
    const own = block.apply('time_mix_value', xv);
    if (block.index === 0) first[t] = own;
    const value =
      block.index === 0
        ? own
        : add(own, multiply(minus(first[t], own), lowRank(block, ['v1', 'v2', 'v0'], xv).map(sigmoid)));
    const keys = multiply(
      key,
      multiply(
        of('k_a'),
        rates.map((rate) => rate - 1),
      ).map((change) => 1 + change),
    );
    const parts = [
      block.apply('time_mix_receptance', xr),
      decays,
      keys,
      value,
      rates,
      multiply(key, of('k_k')),
      of('r_k'),
    ].map((row) => split(row, heads));
    const heard = Array.from({ length: heads }, (__, h) => {
      const [r, w, k, v, a, raw] = parts.map((rows) => rows[h]);
      const removal = scale(raw, 1 / Math.sqrt(dot(raw, raw)));
      states[h] = states[h].map((line, i) =>
        sum([multiply(line, w), scale(k, v[i]), scale(multiply(removal, a), -dot(line, removal))]),
      );
      return states[h].map((line) => dot(line, r));
    });
    const normed = split(
      block.optionalVector('time_mix_ln.weight') ? headNorms(block, heard.flat(), heads) : heard.flat(),
      heads,
    );
    const result = normed.flatMap((row, h) => {
      const [r, , k, v, , , weight] = parts.map((rows) => rows[h]);
      return add(row, scale(v, dot(multiply(r, k), weight)));
    });
    return block.apply(
      'time_mix_output',
      hasGate ? multiply(result, lowRank(block, ['g1', 'g2', 'no vector'], xg, sigmoid)) : result,
    );
  });
}

/** RWKV's feed-forward block, with a receptance if the block has one. */
export function channelMix(block: Block, x: Matrix): Matrix {
  return x.map((_, t) => {
    const out = block.apply(
      'channel_mix_value',
      block.apply('channel_mix_key', towards(x, t, block.vector('channel_mix_lerp_k.weight'))).map(squaredRelu),
    );
    if (!block.optionalVector('channel_mix_receptance.weight')) return out;
    return multiply(
      out,
      block.apply('channel_mix_receptance', towards(x, t, block.vector('channel_mix_lerp_r.weight'))).map(sigmoid),
    );
  });
}
