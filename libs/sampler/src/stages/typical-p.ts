import { logf } from '../exp.js';
import { sortDescending } from '../reference-sort.js';
import { statelessStage, type SamplerStage } from '../stage.js';

const { abs, fround } = Math;

/**
 * Keeps the candidates whose information is closest to the entropy of them all, until their probabilities together exceed `p`
 * and `minKeep` are kept; p >= 1 keeps all. (Meister et al., "Locally typical sampling", 2022)
 *
 * A candidate of probability 0 makes the entropy, and so every distance, NaN: which candidates stay is then decided by the order
 * in which the reference's sort leaves equal elements.
 */
export function typicalP(p: number, minKeep: number): SamplerStage {
  return statelessStage('typicalP', (candidates) => {
    if (p >= 1) return;
    candidates.sort();
    candidates.softmax();
    const { probabilities, order, scores, size } = candidates;

    let entropy = 0;
    for (let i = 0; i < size; i++) entropy = fround(entropy + fround(-probabilities[i] * logf(probabilities[i])));
    for (let i = 0; i < size; i++) {
      scores[i] = -abs(fround(-logf(probabilities[i]) - entropy));
      order[i] = i;
    }
    sortDescending(order, 0, size, scores);

    let sum = 0;
    let kept = size;
    for (let i = 0; i < size; i++) {
      sum = fround(sum + probabilities[order[i]]);
      if (sum > p && i + 1 >= minKeep) {
        kept = i + 1;
        break;
      }
    }
    candidates.take(order, kept);
    candidates.sorted = false;
  });
}
