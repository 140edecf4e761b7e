import type { Block } from './reference-decoder.js';
import { add, cut, dot, multiply, rmsNorm, scale, sigmoid, silu, split, sum, type Matrix, type Row } from './scalar-math.js';

/*
 * Recurrent blocks, token by token as their papers define them.
 */

const softplus = (x: number): number => Math.log1p(Math.exp(x));

/** A causal convolution of each channel with its taps, the last of which meets the newest token. */
export function convolution(rows: Matrix, taps: Matrix, bias?: Row): Matrix {
  return rows.map((row, t) => row.map((_, c) => taps[c].reduce((total, weight, j) => total + weight * (rows[t - taps[c].length + 1 + j]?.[c] ?? 0), bias?.[c] ?? 0)));
}

/** LFM2's short convolution. */
export function shortConvolution(block: Block, x: Matrix): Matrix {
  const parts = x.map((row) => split(block.apply('shortconv.in_proj', row), 3));
  const mixed = convolution(parts.map(([b, , value]) => multiply(b, value)), block.matrix('shortconv.conv.weight'));
  return mixed.map((row, t) => block.apply('shortconv.out_proj', multiply(parts[t][1], row)));
}

export interface StateSpaceShape {
  readonly inner: number;
  readonly heads: number;
  readonly groups: number;
  readonly state: number;
}

/** Mamba-2 (Dao and Gu, 2024). */
export function stateSpace(block: Block, x: Matrix, { inner, heads, groups, state }: StateSpaceShape, hasNorm = true): Matrix {
  const shared = groups * state;
  const parts = x.map((row) => cut(block.apply('ssm_in', row), inner, inner + 2 * shared, heads));
  const convolved = convolution(parts.map(([, xbc]) => xbc), block.matrix('ssm_conv1d.weight'), block.optionalVector('ssm_conv1d.bias')).map((row) => row.map(silu));
  const [rates, skips, biases] = [block.vector('ssm_a'), block.vector('ssm_d'), block.vector('ssm_dt.bias')];
  const states: Matrix[] = Array.from({ length: heads }, () => Array.from({ length: inner / heads }, () => new Array<number>(state).fill(0)));
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
    return block.apply('ssm_out', hasNorm ? split(gated, groups).flatMap((part, g) => rmsNorm(part, weights[g])) : gated);
  });
}

export interface DeltaNetShape {
  readonly heads: number;
  readonly keyHeads: number;
  readonly length: number;
  readonly keyHeadOf: (head: number) => number;
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
export function deltaNet(block: Block, { qkv, gate, strengths, steps }: DeltaNetInput, { heads, keyHeads, length, keyHeadOf }: DeltaNetShape): Matrix {
  const keys = keyHeads * length;
  const convolved = convolution(qkv, block.matrix('ssm_conv1d.weight')).map((row) => row.map(silu));
  const unit = (row: Row): Row => scale(row, 1 / Math.sqrt(dot(row, row) + 1e-5));
  const [rates, biases] = [block.vector('ssm_a'), block.vector('ssm_dt.bias')];
  // states[h][i] belongs to element i of the values, and has a number for each element of the keys.
  const states: Matrix[] = Array.from({ length: heads }, () => Array.from({ length }, () => new Array<number>(length).fill(0)));
  return convolved.map((row, t) => {
    const [qs, ks, vs] = cut(row, keys, keys, heads * length);
    const result = split(vs, heads).flatMap((value, h) => {
      const q = scale(unit(split(qs, keyHeads)[keyHeadOf(h)]), 1 / Math.sqrt(length));
      const k = unit(split(ks, keyHeads)[keyHeadOf(h)]);
      const decay = Math.exp(rates[h] * softplus(steps[t][h] + biases[h]));
      const strength = sigmoid(strengths[t][h]);
      states[h] = states[h].map((line) => scale(line, decay));
      states[h] = states[h].map((line, i) => add(line, scale(k, strength * (value[i] - dot(line, k)))));
      const y = rmsNorm(states[h].map((line) => dot(line, q)), block.vector('ssm_norm.weight'));
      return multiply(y, split(gate[t], heads)[h].map(silu));
    });
    return block.apply('ssm_out', result);
  });
}

/** Rows, summed one by one. */
export const sumOf = (rows: readonly Matrix[]): Matrix => rows[0].map((_, t) => sum(rows.map((matrix) => matrix[t])));
