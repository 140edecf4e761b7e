/** y = W x + b, as plain numbers. */
export interface PlainLinear {
  /** (rows, columns) */
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
  readonly rows: number;
}

/** The head of a reranking model: what makes a score of one row of hidden states. */
export interface RankHead {
  /** Which row of a text is read. */
  readonly row: 'first' | 'last';
  /** Followed by tanh. */
  readonly dense?: PlainLinear;
  readonly output?: PlainLinear;
  /** Whether the outputs go through a softmax: the score is the first one's probability. */
  readonly softmax: boolean;
}

/** The score of a row of hidden states. Small enough to need no kernels: two products for each text. */
export function rankScore(head: RankHead, hidden: Float32Array): number {
  let row: ArrayLike<number> = hidden;
  if (head.dense) row = apply(head.dense, row).map(Math.tanh);
  if (head.output) row = apply(head.output, row);
  if (!head.softmax) return row[0];
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - row[0]);
  return 1 / sum;
}

function apply({ weight, bias, rows }: PlainLinear, x: ArrayLike<number>): Float64Array {
  const columns = weight.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = bias ? bias[row] : 0;
    for (let column = 0; column < columns; column++) sum += weight[row * columns + column] * x[column];
    return sum;
  });
}
