import { createSampler, type SamplerOptions } from '@starling/sampler';

/** Words that a model might go on with, and the logits that it gave them. */
export const WORDS = ['sky', 'trees', 'reeds', 'roof', 'sea', 'wires', 'field', 'moon', 'kitchen', 'theorem'];
export const LOGITS = Float32Array.of(4, 3.6, 3.2, 2.9, 2.5, 2.2, 1.7, 0.8, -0.5, -2);

const vocabulary = { size: WORDS.length, endOfGeneration: new Set<number>() };

export interface Drawn {
  /** The probability of each word after the chain: 0 for those that it took away. */
  readonly probabilities: readonly number[];
  /** How often each came in the draws. */
  readonly counts: readonly number[];
  readonly stages: readonly string[];
}

/** Draws again and again from the same logits. @throws StarlingError invalid_argument for parameters out of range */
export function drawTokens(params: SamplerOptions, draws: number): Drawn {
  const sampler = createSampler({ ...params, repeatPenalty: 1 }, vocabulary);
  const probabilities = new Array<number>(WORDS.length).fill(0);
  const counts = new Array<number>(WORDS.length).fill(0);
  for (let i = 0; i < draws; i++) {
    const { id, candidates = [] } = sampler.sample(LOGITS, undefined, { topCandidates: i === 0 ? WORDS.length : 0 });
    for (const one of candidates) probabilities[one.id] = one.probability;
    counts[id]++;
  }
  return { probabilities, counts, stages: sampler.stages };
}
