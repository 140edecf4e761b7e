/**
 * The control block: what the members of a team tell each other, at the start of the first memory.
 * Each word that is written while others wait on it has a cache line (16 words) of its own.
 *
 * | words | name | written by | meaning |
 * |---|---|---|---|
 * | 0 | announced | caller | number of the newest step; workers sleep on it |
 * | 16 | finished | last worker of a step | number of the newest finished step; the caller waits on it |
 * | 32 | arrived | workers | how many have reached the barrier |
 * | 48 | phase | last to arrive | number of barriers passed; the others wait on it |
 * | 64 | next | workers | next chunk of the phase under way |
 * | 80 | sleepers | workers | how many sleep at the barrier |
 * | 112 | program | caller | address of the step's program |
 * | 113..120 | counts | caller | how many tokens, output rows, ... the step has, see stepCounts |
 */
export const controlWords = {
  announced: 0,
  finished: 16,
  arrived: 32,
  phase: 48,
  next: 64,
  sleepers: 80,
  program: 112,
  counts: 113,
} as const;

/** Bytes of the control block, at address 0 of the first memory. */
export const controlBytes = 1024;

/**
 * What the number of units of a task is a multiple of. `one` is always 1, the rest is set for each step: tokens of the batch, rows whose
 * results are wanted, tiles of attention, rows of logits, experts that have tokens (set by a kernel
 * in the middle of the step), rows of a matrix to be packed, and sequences.
 */
export const stepCounts = { one: 0, tokens: 1, outputs: 2, tiles: 3, head: 4, experts: 5, rows: 6, sequences: 7 } as const;

export type StepCount = keyof typeof stepCounts;
