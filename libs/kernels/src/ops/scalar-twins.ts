import type { Activation } from './activation.js';

/*
 * Scalar twins of the row operations: their definitions in double precision, one row or head at a time. Tests hold the kernels to them.
 */

type Row = ArrayLike<number>;

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

export function rmsNormTwin(row: Row, weight: Row, epsilon: number): number[] {
  const values = Array.from(row);
  const scale = 1 / Math.sqrt(sum(values.map((value) => value * value)) / values.length + epsilon);
  return values.map((value, i) => value * scale * weight[i]);
}

export function layerNormTwin(row: Row, weight: Row, bias: Row, epsilon: number): number[] {
  const values = Array.from(row);
  const mean = sum(values) / values.length;
  const variance = sum(values.map((value) => (value - mean) ** 2)) / values.length;
  return values.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * weight[i] + bias[i]);
}

/** Rotates pairs (2i, 2i + 1), or (i, i + pairs) for `halves`; what is beyond stays. */
export function ropeTwin(head: Row, cosines: Row, sines: Row, halves: boolean): number[] {
  const values = Array.from(head);
  const pairs = cosines.length;
  for (let i = 0; i < pairs; i++) {
    const [first, second] = halves ? [i, i + pairs] : [2 * i, 2 * i + 1];
    values[first] = head[first] * cosines[i] - head[second] * sines[i];
    values[second] = head[first] * sines[i] + head[second] * cosines[i];
  }
  return values;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** The error function by its series (small arguments) or its continued fraction. */
function erfTwin(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 6) return Math.sign(x);
  if (magnitude < 2.5) {
    let term = magnitude;
    let total = magnitude;
    for (let n = 1; n < 80; n++) {
      term *= -(magnitude * magnitude) / n;
      total += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * total;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (magnitude + fraction);
  return Math.sign(x) * (1 - Math.exp(-magnitude * magnitude) / Math.sqrt(Math.PI) / (magnitude + fraction));
}

export const activationTwins: Record<Activation, (x: number) => number> = {
  exp: Math.exp,
  silu: (x) => x * logistic(x),
  gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  gelu_erf: (x) => 0.5 * x * (1 + erfTwin(x / Math.SQRT2)),
  gelu_quick: (x) => x * logistic(1.702 * x),
  relu: (x) => Math.max(0, x),
  relu2: (x) => Math.max(0, x) ** 2,
  sigmoid: logistic,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  tanh: Math.tanh,
};

/** A gate within bounds. */
export function clampedSwigluTwin(
  gate: number,
  up: number,
  { alpha, limit, shift }: { readonly alpha: number; readonly limit: number; readonly shift: number },
): number {
  const g = Math.min(gate, limit);
  return g * logistic(alpha * g) * (Math.max(-limit, Math.min(limit, up)) + shift);
}

/** A gate whose result is within a bound. */
export const limitedSwigluTwin = (gate: number, up: number, limit: number): number =>
  Math.min(gate * logistic(gate), limit) * Math.max(-limit, Math.min(limit, up));

/** A gate that saturates. */
export const situTwin = (gate: number, beta: number): number => beta * Math.tanh(gate / beta) * logistic(gate);

/** xIELU. */
export function xieluTwin(
  x: number,
  {
    alphaP,
    alphaN,
    beta,
    epsilon,
  }: { readonly alphaP: number; readonly alphaN: number; readonly beta: number; readonly epsilon: number },
): number {
  return (x > 0 ? alphaP * x * x : alphaN * (Math.expm1(Math.min(x, epsilon)) - x)) + beta * x;
}

/** The experts and weights that a token's logits lead to. */
export function routeTwin(
  logits: Row,
  {
    used,
    gating,
    normalize,
    factor,
    bias,
  }: { used: number; gating: 'softmax' | 'sigmoid' | 'softmaxOfUsed'; normalize: boolean; factor: number; bias?: Row },
): { expert: number; weight: number }[] {
  const softmax = (values: number[]): number[] => {
    const top = Math.max(...values);
    const total = sum(values.map((value) => Math.exp(value - top)));
    return values.map((value) => Math.exp(value - top) / total);
  };
  const values = Array.from(logits);
  const scores = gating === 'softmax' ? softmax(values) : gating === 'sigmoid' ? values.map(logistic) : values;
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] + (bias?.[b] ?? 0) - scores[a] - (bias?.[a] ?? 0));
  const chosen = order.slice(0, used);
  const raw = chosen.map((expert) => scores[expert]);
  const weights = gating === 'softmaxOfUsed' ? softmax(raw) : raw;
  const divisor = normalize ? sum(weights) : 1;
  return chosen.map((expert, i) => ({ expert, weight: (weights[i] / divisor) * factor }));
}
