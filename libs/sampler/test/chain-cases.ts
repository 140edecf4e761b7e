import { Mt19937 } from '../src/mt19937.js';
import type { SamplerOptions } from '../src/params.js';
import type { SamplerVocabulary } from '../src/vocabulary.js';

/** A chain with random parameters, stages in random order, a history and logits: all made from one seed. */
export interface ChainCase {
  readonly options: SamplerOptions & {
    readonly samplers: readonly string[];
    readonly logitBias: readonly (readonly [number, number | false])[];
  };
  readonly vocabulary: SamplerVocabulary;
  /** Tokens accepted before the first draw. */
  readonly history: readonly number[];
  /** The logits of each step. */
  readonly steps: readonly Float32Array[];
}

const STAGES = ['penalties', 'dry', 'top_n_sigma', 'top_k', 'typ_p', 'top_p', 'min_p', 'xtc', 'temperature'];

/** Parameter, how often it is set, and to what. */
const CHOICES: readonly (readonly [keyof SamplerOptions, number, readonly number[]])[] = [
  ['temperature', 0.4, [0, 0.3, 0.7, 1, 1.5, 3]],
  ['topK', 0.7, [0, 1, 2, 5, 40, 100, 128, 129, 200, 1000]],
  ['topP', 0.4, [0, 0.1, 0.5, 0.9, 0.99, 1]],
  ['minP', 0.4, [0, 0.01, 0.2, 0.9, 1]],
  ['typicalP', 0.5, [0.1, 0.5, 0.9, 0.99, 1]],
  ['topNSigma', 0.5, [-1, 0, 0.5, 1, 2, 3]],
  ['xtcProbability', 0.4, [0.2, 0.6, 1]],
  ['xtcThreshold', 0.4, [0.01, 0.1, 0.5, 0.6]],
  ['repeatPenalty', 0.4, [0.8, 1.1, 1.3, 2]],
  ['frequencyPenalty', 0.4, [-0.5, 0.1, 1]],
  ['presencePenalty', 0.4, [-0.5, 0.1, 1]],
  ['repeatLastN', 0.4, [0, 1, 5, 32, 100]],
  ['dryMultiplier', 0.5, [0.5, 0.8, 2, -1]],
  ['dryBase', 0.4, [1, 1.5, 1.75, 3, 50]],
  ['dryAllowedLength', 0.4, [0, 1, 2, 5]],
  ['dryPenaltyLastN', 0.4, [0, 3, 10, 64, 200]],
  ['minKeep', 0.4, [0, 1, 3, 10, 200]],
  ['dynatempRange', 0.3, [0, 0.3, 0.5]],
  ['dynatempExponent', 0.3, [0, 0.5, 1, 1.2, 3]],
];
const MIROSTAT_CHOICES: typeof CHOICES = [
  ['mirostatTau', 0.5, [0.5, 2, 4, 8]],
  ['mirostatEta', 0.5, [0.05, 0.1, 0.9]],
];
const ADAPTIVE_CHOICES: typeof CHOICES = [
  ['adaptiveTarget', 0.9, [-1, 0, 0.2, 0.5, 1]],
  ['adaptiveDecay', 0.5, [0, 0.5, 0.98]],
];

/** The case of a seed. */
export function chainCase(seed: number): ChainCase {
  const random = new Mt19937(seed);
  const happens = (probability: number): boolean => random.nextDouble() < probability;
  const below = (limit: number): number => Math.floor(random.nextDouble() * limit);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)];
  const bell = (): number =>
    Array.from({ length: 6 }, () => random.nextDouble() - 0.5).reduce((a, b) => a + b, 0) * 1.4;

  const size = pick([5, 40, 130, 512, 512, 1500, 3000]);
  const options: Record<string, unknown> = { seed: random.nextUint32() };
  const choose = (choices: typeof CHOICES): void => {
    for (const [key, probability, values] of choices)
      if (happens(probability)) options[key] = Math.fround(pick(values));
  };
  choose(CHOICES);
  if (happens(0.2)) {
    options.mirostat = pick([1, 2]);
    choose(MIROSTAT_CHOICES);
  }
  const samplers = happens(0.5)
    ? [...STAGES]
    : shuffled(
        STAGES.filter(() => happens(0.6)),
        below,
      );
  if (happens(0.15)) samplers.push(pick(STAGES));
  if (happens(0.15)) {
    samplers.splice(below(samplers.length + 1), 0, 'adaptive_p');
    choose(ADAPTIVE_CHOICES);
  }
  const logitBias = happens(0.3)
    ? Array.from({ length: 4 }, () => [below(size), happens(0.3) ? false : Math.fround(3 * bell())] as const)
    : [];

  const alphabet = Math.min(size, pick([3, 8, size]));
  const history = Array.from({ length: pick([0, 1, 3, 20, 150]) }, () => below(alphabet));
  const kind = pick(['even', 'peaked', 'equal']);
  const steps = Array.from({ length: size > 1000 ? 4 : 10 }, () => {
    const logits = Float32Array.from({ length: size }, () => (kind === 'equal' ? Math.round(3 * bell()) : 4 * bell()));
    if (kind === 'peaked') for (let i = 0; i < 3; i++) logits[below(alphabet)] += 10;
    return logits;
  });

  // Token 0 is a colon, one of DRY's sequence breakers.
  const vocabulary = {
    size,
    endOfGeneration: new Set<number>(),
    bytesOf: (id: number) => Uint8Array.of(id === 0 ? 0x3a : 0x61),
    encode: () => [],
  };
  return { options: { ...options, samplers, logitBias }, vocabulary, history, steps };
}

function shuffled<T>(values: readonly T[], below: (limit: number) => number): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
