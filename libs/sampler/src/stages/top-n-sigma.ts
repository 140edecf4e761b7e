import { statelessStage, type SamplerStage } from '../stage.js';

const { fround, sqrt } = Math;

/**
 * Takes away the logits of candidates more than `n` standard deviations below the largest one; n <= 0 keeps all. The candidates
 * stay, so that what counts candidates later still counts them. (Tang et al., "Top-nσ: not all logits are you need", 2024)
 */
export function topNSigma(n: number): SamplerStage {
  return statelessStage('topNSigma', ({ logits, size }) => {
    if (n <= 0 || size <= 1) return;
    let maximum = logits[0];
    let sum = 0;
    let count = 0;
    for (let i = 0; i < size; i++) {
      const logit = logits[i];
      if (logit === -Infinity) continue;
      if (logit > maximum) maximum = logit;
      sum = fround(sum + logit);
      count++;
    }
    if (count === 0) return;
    const mean = fround(sum / count);
    let squares = 0;
    for (let i = 0; i < size; i++) {
      if (logits[i] === -Infinity) continue;
      const distance = fround(logits[i] - mean);
      squares = fround(squares + distance * distance);
    }
    const deviation = fround(sqrt(fround(squares / count)));
    const lowest = fround(maximum - fround(n * deviation));
    for (let i = 0; i < size; i++) if (logits[i] < lowest) logits[i] = -Infinity;
  });
}
