import type { Candidates } from '../candidates.js';
import { statelessStage, type SamplerStage } from '../stage.js';
import type { SamplerVocabulary } from '../vocabulary.js';

const { fround } = Math;

const FIRST_THRESHOLD = fround(0.2);

/**
 * For filling in the middle of a text: prefers to end early. If ending is likely enough only the end tokens stay; otherwise tokens
 * of which one is the beginning of the other count as the more likely of the two, and unlikely ones go.
 */
export function infill(vocabulary: SamplerVocabulary): SamplerStage {
  const ends = vocabulary.endOfGeneration;
  return statelessStage('infill', (candidates) => {
    candidates.sort();
    candidates.softmax();
    if (endIsLikely(candidates, ends)) {
      keepWhere(candidates, (i) => ends.has(candidates.ids[i]));
      return;
    }
    mergePrefixes(candidates, vocabulary);
    keepWhere(candidates, (i) => candidates.probabilities[i] >= FIRST_THRESHOLD || ends.has(candidates.ids[i]));
    const others = countWhere(candidates, (i) => !ends.has(candidates.ids[i]));
    if (others === 0) {
      keepEnd(candidates, vocabulary);
      return;
    }
    normalize(candidates);
    const threshold = fround(1 / (others + 1));
    keepWhere(candidates, (i) => candidates.probabilities[i] >= threshold || ends.has(candidates.ids[i]));
  });
}

function endIsLikely({ ids, probabilities, size }: Candidates, ends: ReadonlySet<number>): boolean {
  let text = 0;
  let end = 0;
  for (let i = 0; i < size; i++) {
    if (ends.has(ids[i])) end = fround(end + probabilities[i]);
    else text = fround(text + probabilities[i]);
  }
  return fround(fround(3 * end) * size) > text;
}

/** Adds the probability of a token to that of another where one begins with the other; the less likely one loses its logit. */
function mergePrefixes({ ids, logits, probabilities, size }: Candidates, vocabulary: SamplerVocabulary): void {
  const words = Array.from({ length: size }, (_, i) => vocabulary.bytesOf?.(ids[i]) ?? new Uint8Array(0));
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size && logits[a] !== -Infinity; b++) {
      if (a === b || logits[b] === -Infinity || !isPrefix(words[a], words[b])) continue;
      const [to, from] = probabilities[b] > probabilities[a] ? [b, a] : [a, b];
      probabilities[to] += probabilities[from];
      probabilities[from] = 0;
      logits[from] = -Infinity;
    }
  }
}

function isPrefix(word: Uint8Array, other: Uint8Array): boolean {
  return word.length > 0 && word.length <= other.length && word.every((byte, i) => byte === other[i]);
}

function keepWhere(candidates: Candidates, keep: (index: number) => boolean): void {
  let kept = 0;
  for (let i = 0; i < candidates.size; i++) if (keep(i)) candidates.copyEntry(i, kept++);
  candidates.size = kept;
}

function countWhere(candidates: Candidates, matches: (index: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < candidates.size; i++) if (matches(i)) count++;
  return count;
}

function normalize({ probabilities, size }: Candidates): void {
  let sum = 0;
  for (let i = 0; i < size; i++) sum = fround(sum + probabilities[i]);
  for (let i = 0; i < size; i++) probabilities[i] /= sum;
}

function keepEnd(candidates: Candidates, { endToken, endOfGeneration }: SamplerVocabulary): void {
  const [anyEnd] = endOfGeneration;
  candidates.overwrite(0, endToken ?? anyEnd ?? candidates.ids[0], 1);
  candidates.size = 1;
}
