/** What one query and head sees, for the scalar twin of attention. */
export interface AttentionCase {
  readonly query: ArrayLike<number>;
  /** Keys and values by position. */
  readonly keys: readonly ArrayLike<number>[];
  readonly values: readonly ArrayLike<number>[];
  readonly position: number;
  readonly scale: number;
  readonly window?: number;
  readonly softcap?: number;
  readonly sink?: number;
  readonly slope?: number;
  readonly causal?: boolean;
}

/** The scalar twin of the attention kernel for one query and head: the definition, in double precision. */
export function attentionTwin({ query, keys, values, position, scale, window = Infinity, softcap, sink, slope = 0, causal = true }: AttentionCase): number[] {
  const seen = keys.map((_, j) => j).filter((j) => (causal ? j <= position : true) && position - j < window);
  const scores = seen.map((j) => {
    let product = 0;
    for (let d = 0; d < query.length; d++) product += query[d] * keys[j][d];
    const scaled = product * scale;
    return (softcap === undefined ? scaled : softcap * Math.tanh(scaled / softcap)) - slope * Math.abs(position - j);
  });
  const top = Math.max(...scores, sink ?? -Infinity);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((sum, weight) => sum + weight, sink === undefined ? 0 : Math.exp(sink - top));
  return Array.from({ length: values[0].length }, (_, d) => seen.reduce((sum, j, i) => sum + weights[i] * values[j][d], 0) / total);
}
