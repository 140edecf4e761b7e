/*
 * Plain double-precision arithmetic for reference models: rows are arrays of numbers, a matrix is an array of rows. Written from
 * papers and specifications, on purpose without a thing in common with the library.
 */

export type Row = number[];
export type Matrix = Row[];

export const add = (a: Row, b: Row): Row => a.map((value, i) => value + b[i]);
export const multiply = (a: Row, b: Row): Row => a.map((value, i) => value * b[i]);
export const scale = (a: Row, factor: number): Row => a.map((value) => value * factor);
export const dot = (a: Row, b: Row): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
export const sum = (rows: Matrix): Row => rows.reduce(add);

/** W x + b. */
export const linear = (weight: Matrix, x: Row, bias?: Row): Row =>
  weight.map((row, i) => dot(row, x) + (bias?.[i] ?? 0));

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const silu = (x: number): number => x * sigmoid(x);
/** GELU by the tanh approximation (Hendrycks and Gimpel, 2016). */
export const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
export const squaredRelu = (x: number): number => Math.max(0, x) ** 2;

export function softmax(scores: Row): Row {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

export function rmsNorm(x: Row, weight: Row | undefined, epsilon = 1e-5): Row {
  const factor = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((value, i) => value * factor * (weight?.[i] ?? 1));
}

export function layerNorm(x: Row, weight: Row, bias?: Row, epsilon = 1e-5): Row {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * weight[i] + (bias?.[i] ?? 0));
}

/** A row cut into parts of equal length. */
export const split = (x: Row, parts: number): Matrix =>
  Array.from({ length: parts }, (_, i) => x.slice((i * x.length) / parts, ((i + 1) * x.length) / parts));

/** A row cut into parts of given lengths. */
export function cut(x: Row, ...lengths: number[]): Matrix {
  let begin = 0;
  return lengths.map((length) => x.slice(begin, (begin += length)));
}

/** Rotary positions (Su et al., 2021) on the first `dimensions` elements of a head: of neighbours, or of halves. */
export function rotate(
  x: Row,
  position: number,
  style: 'pairs' | 'halves',
  dimensions = x.length,
  base = 10_000,
  divisors?: Row,
): Row {
  const out = [...x];
  for (let i = 0; i < dimensions / 2; i++) {
    const angle = (position * base ** ((-2 * i) / dimensions)) / (divisors?.[i] ?? 1);
    const [a, b] = style === 'pairs' ? [2 * i, 2 * i + 1] : [i, i + dimensions / 2];
    out[a] = x[a] * Math.cos(angle) - x[b] * Math.sin(angle);
    out[b] = x[a] * Math.sin(angle) + x[b] * Math.cos(angle);
  }
  return out;
}

export interface AttendOptions {
  readonly scale?: number;
  readonly window?: number;
  /** Added to the score of a key that many positions back. */
  readonly slope?: (head: number) => number;
  readonly causal?: boolean;
  /** Added to the score of a key at this distance from the query: what lies before it is at negative ones. */
  readonly bias?: (head: number, distance: number) => number;
  /** Scores that take their share of each head's softmax and add no value. */
  readonly sinks?: Row;
}

/** Attention (Vaswani et al., 2017) with shared key heads: q, k, v by token, then head. Gives the heads' sums, joined, by token. */
export function attend(
  q: Matrix[],
  k: Matrix[],
  v: Matrix[],
  { scale: factor, window = Infinity, slope, causal = true, bias, sinks }: AttendOptions = {},
): Matrix {
  const heads = q[0].length;
  const group = heads / k[0].length;
  return q.map((queries, i) =>
    queries.flatMap((query, head) => {
      const kvHead = Math.floor(head / group);
      const seen = k.map((_, j) => j).filter((j) => (causal ? j <= i && i - j < window : Math.abs(i - j) < window));
      const scores = seen.map(
        (j) =>
          dot(query, k[j][kvHead]) * (factor ?? 1 / Math.sqrt(query.length)) +
          (slope ? slope(head) * (j - i) : 0) +
          (bias?.(head, j - i) ?? 0),
      );
      const weights = softmax(sinks ? [...scores, sinks[head]] : scores);
      return sum(seen.map((j, n) => scale(v[j][kvHead], weights[n])));
    }),
  );
}

/** Slopes of ALiBi for a power of two of heads (Press et al., 2021). */
export const alibiSlope = (heads: number, maxBias: number) => (head: number) => 2 ** ((-maxBias * (head + 1)) / heads);

/** The `count` largest, as indices. */
export const topIndices = (scores: Row, count: number): number[] =>
  scores
    .map((_, i) => i)
    .sort((a, b) => scores[b] - scores[a])
    .slice(0, count);
