import type { Candidates } from '../candidates.js';
import { logf } from '../exp.js';
import { statelessStage, type SamplerStage } from '../stage.js';

const { fround } = Math;

/** More unsorted candidates than this are not sorted as a whole to find the most likely ones. */
const FULL_SORT_LIMIT = 1024;
const FIRST_GUESS = 256;

/** Keeps the `k` most likely candidates; k <= 0 keeps all. */
export function topK(k: number): SamplerStage {
  return statelessStage('topK', (candidates) => {
    if (k > 0) candidates.keepTop(k);
  });
}

/** Keeps the most likely candidates whose probabilities together reach `p`, and at least `minKeep`. (Holtzman et al., 2019) */
export function topP(p: number, minKeep: number): SamplerStage {
  return statelessStage('topP', (candidates) => {
    if (p >= 1) return;
    candidates.softmax();
    if (candidates.sorted || candidates.size <= FULL_SORT_LIMIT) {
      candidates.sort();
      candidates.size = nucleusSize(candidates, p, minKeep);
    } else {
      keepNucleusOfMany(candidates, p, minKeep);
    }
  });
}

/** How many of the sorted candidates reach `p` together. */
function nucleusSize({ probabilities, size }: Candidates, p: number, minKeep: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) {
    sum = fround(sum + probabilities[i]);
    if (sum >= p && i + 1 >= minKeep) return i + 1;
  }
  return size;
}

/** The same for many candidates in no order: sorts few of them at first, all only if those do not reach `p`. */
function keepNucleusOfMany(candidates: Candidates, p: number, minKeep: number): void {
  const { probabilities, order, size } = candidates;
  let ordered = FIRST_GUESS;
  candidates.orderTop(ordered, order);
  let sum = 0;
  let kept = size;
  for (let i = 0; i < size; i++) {
    sum = fround(sum + probabilities[order[i]]);
    if (sum >= p && i + 1 >= minKeep) {
      kept = i + 1;
      break;
    }
    if (i === ordered - 1) {
      ordered = size;
      candidates.orderTop(ordered, order);
    }
  }
  candidates.take(order, kept);
  candidates.sorted = true;
}

/** Keeps candidates at least `p` times as likely as the most likely one, and at least `minKeep`. (Nguyen et al., 2024) */
export function minP(p: number, minKeep: number): SamplerStage {
  const logP = logf(p);
  return statelessStage('minP', (candidates) => {
    if (p <= 0) return;
    if (!candidates.sorted) {
      const found = candidates.keepAtLeast(fround(candidates.maximum() + logP), minKeep);
      if (found > 0 && found >= minKeep) return;
      candidates.sort();
    }
    const lowest = fround(candidates.logits[0] + logP);
    let kept = 1;
    while (kept < candidates.size && (candidates.logits[kept] >= lowest || kept < minKeep)) kept++;
    candidates.size = kept;
  });
}
