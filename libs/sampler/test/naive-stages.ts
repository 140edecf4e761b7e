/**
 * The stages once more, as plainly as they can be said: objects, full sorts, double precision. What the real ones must agree with,
 * but for rounding.
 */
export interface Entry {
  readonly id: number;
  readonly logit: number;
}

export const byLogit = (entries: readonly Entry[]): Entry[] => [...entries].sort((a, b) => b.logit - a.logit);

export function probabilitiesOf(entries: readonly Entry[]): number[] {
  const maximum = Math.max(...entries.map(({ logit }) => logit));
  const weights = entries.map(({ logit }) => Math.exp(logit - maximum));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

export const topK = (entries: readonly Entry[], k: number): Entry[] => byLogit(entries).slice(0, k);

export function topP(entries: readonly Entry[], p: number, minKeep: number): Entry[] {
  const sorted = byLogit(entries);
  let sum = 0;
  const end = probabilitiesOf(sorted).findIndex((probability, i) => (sum += probability) >= p && i + 1 >= minKeep);
  return end < 0 ? sorted : sorted.slice(0, end + 1);
}

export function minP(entries: readonly Entry[], p: number, minKeep: number): Entry[] {
  const sorted = byLogit(entries);
  const probabilities = probabilitiesOf(sorted);
  return sorted.filter((_, i) => i < Math.max(1, minKeep) || probabilities[i] >= p * probabilities[0]);
}

export function typicalP(entries: readonly Entry[], p: number, minKeep: number): Entry[] {
  const probabilities = probabilitiesOf(entries);
  const entropy = probabilities.reduce((sum, probability) => sum - probability * Math.log(probability), 0);
  const ranked = entries
    .map((entry, i) => ({
      entry,
      probability: probabilities[i],
      distance: Math.abs(-Math.log(probabilities[i]) - entropy),
    }))
    .sort((a, b) => a.distance - b.distance);
  let sum = 0;
  const end = ranked.findIndex(({ probability }, i) => (sum += probability) > p && i + 1 >= minKeep);
  return ranked.slice(0, end < 0 ? undefined : end + 1).map(({ entry }) => entry);
}

export function topNSigma(entries: readonly Entry[], n: number): Entry[] {
  const logits = entries.map(({ logit }) => logit);
  const mean = logits.reduce((a, b) => a + b, 0) / logits.length;
  const deviation = Math.sqrt(logits.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / logits.length);
  const lowest = Math.max(...logits) - n * deviation;
  return entries.map(({ id, logit }) => ({ id, logit: logit < lowest ? -Infinity : logit }));
}

export function temperature(entries: readonly Entry[], value: number): Entry[] {
  return entries.map(({ id, logit }) => ({ id, logit: logit / value }));
}

export function dynamicTemperature(entries: readonly Entry[], value: number, range: number, exponent: number): Entry[] {
  const entropy = probabilitiesOf(entries).reduce(
    (sum, probability) => sum - (probability > 0 ? probability * Math.log(probability) : 0),
    0,
  );
  const share = (entropy / Math.log(entries.length)) ** exponent;
  const lowest = Math.max(0, value - range);
  return temperature(byLogit(entries), lowest + (value + range - lowest) * share);
}

export interface Penalties {
  readonly lastN: number;
  readonly repeat: number;
  readonly frequency: number;
  readonly presence: number;
}

export function penalize(
  entries: readonly Entry[],
  history: readonly number[],
  { lastN, repeat, frequency, presence }: Penalties,
): Entry[] {
  const recent = history.slice(-lastN);
  return entries.map(({ id, logit }) => {
    const count = recent.filter((token) => token === id).length;
    if (count === 0) return { id, logit };
    return { id, logit: (logit > 0 ? logit / repeat : logit * repeat) - count * frequency - presence };
  });
}

export interface Dry {
  readonly multiplier: number;
  readonly base: number;
  readonly allowedLength: number;
  readonly lastN: number;
}

/**
 * For each earlier place of the history, how many tokens before it equal the end of the history; the token that came there next is
 * penalised by the longest. `sinceBreaker`: how many tokens at the end lie behind the last sequence breaker.
 */
export function dry(
  entries: readonly Entry[],
  history: readonly number[],
  { multiplier, base, allowedLength, lastN }: Dry,
  sinceBreaker: number,
): Entry[] {
  const recent = history.slice(-lastN);
  const longest = new Map<number, number>();
  for (let next = 1; next < recent.length; next++) {
    let length = 0;
    while (length < next && length < sinceBreaker && recent[next - 1 - length] === recent[recent.length - 1 - length])
      length++;
    longest.set(recent[next], Math.max(length, longest.get(recent[next]) ?? 0));
  }
  return entries.map(({ id, logit }) => {
    const length = longest.get(id) ?? 0;
    return {
      id,
      logit: length > 0 && length >= allowedLength ? logit - multiplier * base ** (length - allowedLength) : logit,
    };
  });
}
