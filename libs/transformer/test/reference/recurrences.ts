import type { Block } from './reference-decoder.js';
import {
  add,
  cut,
  dot,
  multiply,
  rmsNorm,
  scale,
  sigmoid,
  silu,
  split,
  sum,
  type Matrix,
  type Row,
} from './scalar-math.js';

/*
 * Recurrent blocks, token by token as their papers define them.
 */

const softplus = (x: number): number => Math.log1p(Math.exp(x));

/** A causal convolution of each channel with its taps, the last of which meets the newest token. */
export function convolution(rows: Matrix, taps: Matrix, bias?: Row, dilation = 1): Matrix {
  return rows.map((row, t) =>
    row.map((_, c) =>
      taps[c].reduce(
        (total, weight, j) => total + weight * (rows[t - (taps[c].length - 1 - j) * dilation]?.[c] ?? 0),
        bias?.[c] ?? 0,
      ),
    ),
  );
}

/** LFM2's short convolution. */
export function shortConvolution(block: Block, x: Matrix): Matrix {
  const parts = x.map((row) => split(block.apply('shortconv.in_proj', row), 3));
  const mixed = convolution(
    parts.map(([b, , value]) => multiply(b, value)),
    block.matrix('shortconv.conv.weight'),
  );
  return mixed.map((row, t) => block.apply('shortconv.out_proj', multiply(parts[t][1], row)));
}

export interface StateSpaceShape {
  readonly inner: number;
  readonly heads: number;
  readonly groups: number;
  readonly state: number;
}

/** Mamba-2 (Dao and Gu, 2024). */
export function stateSpace(
  block: Block,
  x: Matrix,
  { inner, heads, groups, state }: StateSpaceShape,
  hasNorm = true,
): Matrix {
  const shared = groups * state;
  const parts = x.map((row) => cut(block.apply('ssm_in', row), inner, inner + 2 * shared, heads));
  const convolved = convolution(
    parts.map(([, xbc]) => xbc),
    block.matrix('ssm_conv1d.weight'),
    block.optionalVector('ssm_conv1d.bias'),
  ).map((row) => row.map(silu));
  const [rates, skips, biases] = [block.vector('ssm_a'), block.vector('ssm_d'), block.vector('ssm_dt.bias')];
  const states: Matrix[] = Array.from({ length: heads }, () =>
    Array.from({ length: inner / heads }, () => new Array<number>(state).fill(0)),
  );
  return convolved.map((row, t) => {
    const [values, bs, cs] = cut(row, inner, shared, shared);
    const [gate, , steps] = parts[t];
    const y = split(values, heads).flatMap((head, h) => {
      const group = Math.floor(h / (heads / groups));
      const [b, c] = [split(bs, groups)[group], split(cs, groups)[group]];
      const step = softplus(steps[h] + biases[h]);
      states[h] = states[h].map((line, i) => add(scale(line, Math.exp(step * rates[h])), scale(b, step * head[i])));
      return states[h].map((line, i) => dot(line, c) + skips[h] * head[i]);
    });
    const gated = multiply(gate.map(silu), y);
    const weights = hasNorm ? split(block.matrix('ssm_norm.weight').flat(), groups) : [];
    return block.apply(
      'ssm_out',
      hasNorm ? split(gated, groups).flatMap((part, g) => rmsNorm(part, weights[g])) : gated,
    );
  });
}

export interface SelectiveSpaceShape {
  readonly state: number;
  readonly rank: number;
  /** Undefined: each channel is a head, with a rate for each element of its state. */
  readonly heads?: number;
}

/** Mamba (Gu and Dao, 2023). With heads, their gates and values alternate, and b and c come before the short row of the steps. */
export function selectiveSpace(
  block: Block,
  x: Matrix,
  { state, rank, heads }: SelectiveSpaceShape,
  normOf: (name: string, row: Row) => Row,
): Matrix {
  const inputs = x.map((row) => {
    const both = block.apply('ssm_in', row);
    const parts = split(both, 2 * (heads ?? 1));
    return heads === undefined
      ? { values: parts[0], gate: parts[1] }
      : { values: parts.filter((_, i) => i % 2 === 1).flat(), gate: parts.filter((_, i) => i % 2 === 0).flat() };
  });
  const convolved = convolution(
    inputs.map(({ values }) => values),
    block.matrix('ssm_conv1d.weight'),
    block.optionalVector('ssm_conv1d.bias'),
  ).map((row) => row.map(silu));
  const [rates, skips] = [block.matrix('ssm_a'), block.vector('ssm_d')];
  const states: Matrix = convolved[0].map(() => new Array<number>(state).fill(0));
  return convolved.map((row, t) => {
    const parameters = block.apply('ssm_x', row);
    const [first, second, third] =
      heads === undefined ? cut(parameters, rank, state, state) : cut(parameters, state, state, rank);
    const [short, b, c] = heads === undefined ? [first, second, third] : [third, first, second];
    const steps = block.apply('ssm_dt', normOf('ssm_dt_norm', short)).map(softplus);
    const [taken, given] = [normOf('ssm_b_norm', b), normOf('ssm_c_norm', c)];
    const y = row.map((value, channel) => {
      const head = heads === undefined ? channel : Math.floor((channel * heads) / row.length);
      const rate = heads === undefined ? rates[channel] : new Array<number>(state).fill(rates.flat()[head]);
      states[channel] = states[channel].map(
        (kept, n) => kept * Math.exp(steps[head] * rate[n]) + steps[head] * value * taken[n],
      );
      return dot(states[channel], given) + skips[head] * value;
    });
    return block.apply('ssm_out', multiply(inputs[t].gate.map(silu), y));
  });
}

export interface DeltaNetShape {
  readonly heads: number;
  readonly keyHeads: number;
  readonly length: number;
  readonly keyHeadOf: (head: number) => number;
  /** Default: silu. */
  readonly gateActivation?: (value: number) => number;
}

/** What goes into the gated delta rule for each token. */
export interface DeltaNetInput {
  /** Queries of all key heads, keys, values of all heads: before the convolution. */
  readonly qkv: Matrix;
  readonly gate: Matrix;
  readonly strengths: Matrix;
  readonly steps: Matrix;
}

/** Gated delta networks (Yang, Kautz and Hatamizadeh, 2024) with short convolutions and unit-length queries and keys. */
export function deltaNet(
  block: Block,
  { qkv, gate, strengths, steps }: DeltaNetInput,
  { heads, keyHeads, length, keyHeadOf, gateActivation = silu }: DeltaNetShape,
): Matrix {
  const keys = keyHeads * length;
  const convolved = convolution(qkv, block.matrix('ssm_conv1d.weight')).map((row) => row.map(silu));
  const unit = (row: Row): Row => scale(row, 1 / Math.sqrt(dot(row, row) + 1e-5));
  const [rates, biases] = [block.vector('ssm_a'), block.vector('ssm_dt.bias')];
  // states[h][i] belongs to element i of the values, and has a number for each element of the keys.
  const states: Matrix[] = Array.from({ length: heads }, () =>
    Array.from({ length }, () => new Array<number>(length).fill(0)),
  );
  return convolved.map((row, t) => {
    const [qs, ks, vs] = cut(row, keys, keys, heads * length);
    const result = split(vs, heads).flatMap((value, h) => {
      const q = scale(unit(split(qs, keyHeads)[keyHeadOf(h)]), 1 / Math.sqrt(length));
      const k = unit(split(ks, keyHeads)[keyHeadOf(h)]);
      const decay = Math.exp(rates[h] * softplus(steps[t][h] + biases[h]));
      const strength = sigmoid(strengths[t][h]);
      states[h] = states[h].map((line) => scale(line, decay));
      states[h] = states[h].map((line, i) => add(line, scale(k, strength * (value[i] - dot(line, k)))));
      const y = rmsNorm(
        states[h].map((line) => dot(line, q)),
        block.vector('ssm_norm.weight'),
      );
      return multiply(y, split(gate[t], heads)[h].map(gateActivation));
    });
    return block.apply('ssm_out', result);
  });
}

/** Rows, summed one by one. */
export const sumOf = (rows: readonly Matrix[]): Matrix => rows[0].map((_, t) => sum(rows.map((matrix) => matrix[t])));
