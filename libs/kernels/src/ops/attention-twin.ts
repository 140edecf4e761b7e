/** What one query and head sees, for the scalar twin of attention. */
export interface AttentionCase {
  readonly query: ArrayLike<number>;
  /** Keys and values by position. */
  readonly keys: readonly ArrayLike<number>[];
  readonly values: readonly ArrayLike<number>[];
  readonly position: number;
  readonly scale: number;
  readonly window?: number;
  readonly chunked?: boolean;
  /** The first position that is seen. Default 0. */
  readonly from?: number;
  readonly softcap?: number;
  readonly sink?: number;
  readonly slope?: number;
  readonly causal?: boolean;
  /** Biases of the distances -reach to reach. */
  readonly biases?: ArrayLike<number>;
}

/** The scalar twin of the attention kernel for one query and head: the definition, in double precision. */
export function attentionTwin({
  query,
  keys,
  values,
  position,
  scale,
  window = Infinity,
  chunked = false,
  from = 0,
  softcap,
  sink,
  slope = 0,
  causal = true,
  biases = [0],
}: AttentionCase): number[] {
  const first = chunked ? position - (position % window) : position - window + 1;
  const seen = keys
    .map((_, j) => j)
    .filter((j) => (causal ? j <= position : j < position + window) && j >= Math.max(first, from));
  const reach = (biases.length - 1) / 2;
  const bias = (distance: number): number => biases[Math.max(-reach, Math.min(reach, distance)) + reach];
  const scores = seen.map((j) => {
    let product = 0;
    for (let d = 0; d < query.length; d++) product += query[d] * keys[j][d];
    const scaled = product * scale;
    return (
      (softcap === undefined ? scaled : softcap * Math.tanh(scaled / softcap)) -
      slope * Math.abs(position - j) +
      bias(j - position)
    );
  });
  const top = Math.max(...scores, sink ?? -Infinity);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((sum, weight) => sum + weight, sink === undefined ? 0 : Math.exp(sink - top));
  return Array.from(
    { length: values[0].length },
    (_, d) => seen.reduce((sum, j, i) => sum + weights[i] * values[j][d], 0) / total,
  );
}
