import { controlWords, stepCounts } from '../team/control-block.js';
import type { ScriptKernel } from './script-kernel.js';

/** Numbers of the gating functions in a descriptor. */
export const gatingCodes = { softmax: 0, sigmoid: 1, softmaxOfUsed: 2, sqrtSoftplus: 3, none: 4 } as const;

/** Chosen experts' weights are divided by their sum, which is held above the smallest normal f16. */
const smallestSum = 2 ** -14;

/**
 * Words: addresses and strides of logits and of scores (a copy to work on); experts, experts used, gating, whether to normalize, factor;
 * whether there is a bias, its address; groups, groups used; addresses of the chosen experts and of their weights; whether logits choose,
 * scores for each expert.
 */
export const routeExpertsKernel: ScriptKernel = ({ words, floats }, at, begin, end) => {
  const count = words[at + 4];
  const used = words[at + 5];
  const gating = words[at + 6];
  const biased = words[at + 9] === 1;
  const bias = words[at + 10] >>> 2;
  const byLogits = words[at + 15] === 1;
  const scoresPerExpert = words[at + 16];
  for (let token = begin; token < end; token++) {
    const logits = (words[at] >>> 2) + token * (words[at + 1] >>> 2);
    const scores = (words[at + 2] >>> 2) + token * (words[at + 3] >>> 2);
    const chosen = (words[at + 13] >>> 2) + token * used;
    const weights = (words[at + 14] >>> 2) + token * used;
    const copyScores = (): void => {
      for (let i = 0; i < count; i++) floats[scores + i] = floats[logits + i] + (biased ? floats[bias + i] : 0);
    };
    if (byLogits) copyScores();
    if (gating === gatingCodes.softmax) softmax(floats, logits, count);
    else if (gating === gatingCodes.sigmoid)
      for (let i = 0; i < count; i++) floats[logits + i] = 1 / (1 + Math.exp(-floats[logits + i]));
    else if (gating === gatingCodes.sqrtSoftplus)
      for (let i = 0; i < count; i++) floats[logits + i] = Math.sqrt(softplus(floats[logits + i]));
    if (!byLogits) copyScores();
    if (words[at + 11] > 1) keepBestGroups(floats, scores, count, words[at + 11], words[at + 12]);
    for (let rank = 0; rank < used; rank++) {
      const best = largest(floats, scores, count);
      const expert = Math.floor(best / scoresPerExpert);
      words[chosen + rank] = expert;
      floats[weights + rank] = floats[logits + expert];
      floats[scores + best] = -Infinity;
    }
    if (gating === gatingCodes.softmaxOfUsed) softmax(floats, weights, used);
    scaleWeights(floats, weights, used, words[at + 7] === 1, floats[at + 8]);
  }
};

/**
 * Words: addresses of the chosen experts and of the word with the number of tokens; experts used, experts; addresses of the first row of each
 * expert (experts + 1), the experts in use, the row of each choice, the token of each row, the expert of each row; whether weights are moved,
 * addresses of those of choices and of those of rows.
 */
export const groupByExpertKernel: ScriptKernel = ({ words, floats }, at, _begin, _end, memories) => {
  const chosen = words[at] >>> 2;
  const used = words[at + 2];
  const choices = words[words[at + 1] >>> 2] * used;
  const count = words[at + 3];
  const firstRows = words[at + 4] >>> 2;
  const inUse = words[at + 5] >>> 2;
  const rowOfChoice = words[at + 6] >>> 2;
  const tokenOfRow = words[at + 7] >>> 2;
  const expertOfRow = words[at + 8] >>> 2;
  const movesWeights = words[at + 9] === 1;
  const weights = words[at + 10] >>> 2;
  const weightOfRow = words[at + 11] >>> 2;
  // First the number of rows of each expert, kept one place up; then running sums, which each choice moves on by one.
  for (let expert = 0; expert <= count; expert++) words[firstRows + expert] = 0;
  for (let choice = 0; choice < choices; choice++) words[firstRows + words[chosen + choice]]++;
  let experts = 0;
  let row = 0;
  for (let expert = 0; expert < count; expert++) {
    const rows = words[firstRows + expert];
    words[firstRows + expert] = row;
    row += rows;
    if (rows > 0) words[inUse + experts++] = expert;
  }
  for (let choice = 0; choice < choices; choice++) {
    const expert = words[chosen + choice];
    const place = words[firstRows + expert]++;
    words[rowOfChoice + choice] = place;
    words[tokenOfRow + place] = Math.floor(choice / used);
    words[expertOfRow + place] = expert;
    if (!movesWeights) continue;
    floats[weightOfRow + place] = floats[weights + choice];
    floats[weights + choice] = 1;
  }
  // Each start has moved to its end, which is the next one's start.
  for (let expert = count; expert > 0; expert--) words[firstRows + expert] = words[firstRows + expert - 1];
  words[firstRows] = 0;
  const control = memories[0].words;
  control[controlWords.counts + stepCounts.experts] = experts;
  control[controlWords.counts + stepCounts.adaptedExperts] =
    control[controlWords.counts + stepCounts.adapted] * experts;
};

/** ln(1 + e^x). */
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));

function softmax(floats: Float32Array, start: number, count: number): void {
  let top = -Infinity;
  for (let i = 0; i < count; i++) top = Math.max(top, floats[start + i]);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp(floats[start + i] - top);
  for (let i = 0; i < count; i++) floats[start + i] = Math.exp(floats[start + i] - top) / sum;
}

/** The first of the largest values. */
function largest(floats: Float32Array, start: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (floats[start + i] > floats[start + best]) best = i;
  return best;
}

/** Rules out the experts of all groups but those whose two best scores have the largest sums. */
function keepBestGroups(floats: Float32Array, scores: number, count: number, groups: number, groupsUsed: number): void {
  const size = count / groups;
  for (let dropped = groupsUsed; dropped < groups; dropped++) {
    let worst = -1;
    let worstSum = Infinity;
    for (let group = 0; group < groups; group++) {
      const sum = twoBest(floats, scores + group * size, size);
      if (sum !== -Infinity && sum <= worstSum) {
        worst = group;
        worstSum = sum;
      }
    }
    for (let i = 0; i < size; i++) floats[scores + worst * size + i] = -Infinity;
  }
}

function twoBest(floats: Float32Array, start: number, count: number): number {
  let first = -Infinity;
  let second = -Infinity;
  for (let i = 0; i < count; i++) {
    const value = floats[start + i];
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) second = value;
  }
  return first + second;
}

function scaleWeights(floats: Float32Array, weights: number, used: number, normalize: boolean, factor: number): void {
  let divisor = 1;
  if (normalize) {
    let sum = 0;
    for (let i = 0; i < used; i++) sum += floats[weights + i];
    divisor = Math.max(sum, smallestSum);
  }
  for (let i = 0; i < used; i++) floats[weights + i] = (floats[weights + i] / divisor) * factor;
}
