/**
 * The control block: what the members of a team tell each other, at the start of the first memory.
 * Each word that is written while others wait on it has a cache line (16 words) of its own.
 *
 * | words | name | written by | meaning |
 * |---|---|---|---|
 * | 0 | announced | caller | number of the newest step; idle workers sleep on it |
 * | 16 | finished | worker | number of the newest finished step; the caller waits on it |
 * | 32, 33 | cursor | workers, caller | 64 bits: next chunk of the phase (low half) and number of the phase (high half); waiting workers sleep on the latter |
 * | 48 | done | workers | chunks of the phase that are finished; of a lone worker, of all its steps |
 * | 64 | sleepers | workers | how many sleep on the cursor |
 * | 80 | step | caller | number of the step under way |
 * | 81 | firstPhase | caller | number of the step's first phase |
 * | 82 | program | caller | address of the step's program; written after firstPhase, read before it |
 * | 83..95 | counts | caller | how many tokens, output rows, ... the step has, see stepCounts |
 * | 256 + 16 i | | worker i | the phase it took a chunk of |
 */
export const controlWords = {
  announced: 0,
  finished: 16,
  cursorChunk: 32,
  cursorPhase: 33,
  done: 48,
  sleepers: 64,
  step: 80,
  firstPhase: 81,
  program: 82,
  counts: 83,
} as const;

/** Members that a team may have. */
export const maximumThreads = 64;

/** Address of the word that belongs to a worker. */
export const workerWordAddress = (thread: number): number => 1024 + 64 * thread;

/** Bytes of the control block, at address 0 of the first memory. */
export const controlBytes = workerWordAddress(maximumThreads);

/**
 * What the number of units of a task is a multiple of. `one` is always 1, the rest is set for each step: tokens of the batch, rows whose
 * results are wanted, tiles of attention, rows of logits, experts that have tokens (set by a kernel
 * in the middle of the step), rows of a matrix to be packed, and sequences. `adapted` is 1 if a sequence of the step has adapters, and the counts named
 * after it are then those of tokens, rows and experts, else 0.
 */
export const stepCounts = {
  one: 0,
  tokens: 1,
  outputs: 2,
  tiles: 3,
  head: 4,
  experts: 5,
  rows: 6,
  sequences: 7,
  adapted: 8,
  adaptedTokens: 9,
  adaptedOutputs: 10,
  adaptedHead: 11,
  adaptedExperts: 12,
} as const;

export type StepCount = keyof typeof stepCounts;
