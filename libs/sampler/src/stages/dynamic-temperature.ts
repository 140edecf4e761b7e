import type { Candidates } from '../candidates.js';
import { logf, powf } from '../exp.js';
import { statelessStage, type SamplerStage } from '../stage.js';
import { scaleByTemperature } from './temperature.js';

/**
 * A temperature between `value - range` (not below 0) and `value + range`, the higher the closer the entropy of the candidates
 * is to that of a uniform choice; `exponent` bends the curve. A range of 0 or less is the plain temperature.
 */
export function dynamicTemperature(value: number, range: number, exponent: number): SamplerStage {
  return statelessStage('temperature', (candidates) => {
    if (range <= 0) scaleByTemperature(candidates, value);
    else if (candidates.size > 1) scaleByEntropy(candidates, Math.max(0, Math.fround(value - range)), Math.fround(value + range), exponent);
  });
}

function scaleByEntropy(candidates: Candidates, lowest: number, highest: number, exponent: number): void {
  candidates.sort();
  candidates.softmax();
  const { probabilities, size } = candidates;
  const greatestEntropy = -logf(Math.fround(1 / size));
  let entropy = 0;
  for (let i = 0; i < size; i++) {
    const probability = probabilities[i];
    if (probability > 0) entropy = Math.fround(entropy - Math.fround(probability * logf(probability)));
  }
  const share = powf(Math.fround(entropy / greatestEntropy), exponent);
  scaleByTemperature(candidates, Math.fround(lowest + Math.fround(Math.fround(highest - lowest) * share)));
}
