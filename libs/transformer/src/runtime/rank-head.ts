/** y = W x + b, as plain numbers. */
export interface PlainLinear {
  /** (rows, columns) */
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
  readonly rows: number;
}

/** The head of a reranking model: what makes a score of one row of hidden states. */
export interface RankHead {
  /** Which row of a text is read; or the mean of all. */
  readonly row: 'first' | 'last' | 'mean';
  readonly dense?: PlainLinear;
  /** After `dense`. */
  readonly activation: 'tanh' | 'gelu';
  /** Layer norm after that. */
  readonly norm?: { readonly weight: Float32Array; readonly bias?: Float32Array; readonly epsilon: number };
  readonly output?: PlainLinear;
  /** Whether the outputs go through a softmax: the score is the first one's probability. */
  readonly softmax: boolean;
}

/** The score of a row of hidden states. Small enough to need no kernels: two products for each text. */
export function rankScore(head: RankHead, hidden: Float32Array): number {
  let row: ArrayLike<number> = hidden;
  if (head.dense) row = applyLinear(head.dense, row).map(ACTIVATIONS[head.activation]);
  if (head.norm) row = normalized(head.norm, row);
  if (head.output) row = applyLinear(head.output, row);
  if (!head.softmax) return row[0];
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - row[0]);
  return 1 / sum;
}

const ACTIVATIONS = {
  tanh: Math.tanh,
  gelu: (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
} as const;

function normalized({ weight, bias, epsilon }: NonNullable<RankHead['norm']>, x: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(x);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return values.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * weight[i] + (bias?.[i] ?? 0));
}

/** W x + b. */
export function applyLinear({ weight, bias, rows }: PlainLinear, x: ArrayLike<number>): Float64Array {
  const columns = weight.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = bias ? bias[row] : 0;
    for (let column = 0; column < columns; column++) sum += weight[row * columns + column] * x[column];
    return sum;
  });
}
