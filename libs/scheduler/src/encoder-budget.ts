import type { ScheduledSequence } from './sequence.js';

/**
 * Tokens of the next step for sequences that an encoder has yet to read, given in the order of their rank. What it reads is whole: each gets all of
 * that with the first token that is written after it, or nothing. Nobody overtakes one that has to wait.
 * @param maxTokens that the encoder reads in a step; what others compute has as many for itself
 */
export function encoderBudget(
  sequences: readonly ScheduledSequence[],
  maxTokens: number,
): Map<ScheduledSequence, number> {
  let left = maxTokens;
  const tokens = new Map<ScheduledSequence, number>();
  for (const sequence of sequences) {
    const { unread } = sequence;
    tokens.set(sequence, unread <= left ? unread + 1 : 0);
    left = Math.max(0, left - unread);
  }
  return tokens;
}
