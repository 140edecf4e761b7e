import type { Candidates } from '../candidates.js';
import { logf, powf } from '../exp.js';
import { statelessStage, type SamplerStage } from '../stage.js';
import { scaleByTemperature } from './temperature.js';

const { fround, max } = Math;

/**
 * A temperature between `value - range` (not below 0) and `value + range`, the higher the closer the entropy of the candidates
 * is to that of a uniform choice; `exponent` bends the curve. A range of 0 or less is the plain temperature.
 */
export function dynamicTemperature(value: number, range: number, exponent: number): SamplerStage {
  return statelessStage('temperature', (candidates) => {
    if (range <= 0) scaleByTemperature(candidates, value);
    else if (candidates.size > 1)
      scaleByEntropy(candidates, max(0, fround(value - range)), fround(value + range), exponent);
  });
}

function scaleByEntropy(candidates: Candidates, lowest: number, highest: number, exponent: number): void {
  candidates.sort();
  candidates.softmax();
  const { probabilities, size } = candidates;
  const greatestEntropy = -logf(fround(1 / size));
  let entropy = 0;
  for (let i = 0; i < size; i++) {
    const probability = probabilities[i];
    if (probability > 0) entropy = fround(entropy - fround(probability * logf(probability)));
  }
  const share = powf(fround(entropy / greatestEntropy), exponent);
  scaleByTemperature(candidates, fround(lowest + fround(fround(highest - lowest) * share)));
}
