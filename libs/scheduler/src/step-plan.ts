import type { SequenceInput } from './model-runner.js';
import type { ScheduledSequence, SequenceHandle } from './sequence.js';

/** What one sequence does in a step. */
export interface PlannedSequence {
  readonly sequence: SequenceHandle;
  /** It computes positions `[startPosition, startPosition + tokens)`. */
  readonly startPosition: number;
  readonly tokens: number;
  /** `decode`: the one token that was appended last; `prompt`: a part of what was known before. */
  readonly kind: 'prompt' | 'decode';
  /** All its known tokens are computed after this step, so that the last of its rows predicts the next one. */
  readonly isComplete: boolean;
  /** Its rows of logits are `[firstRow, firstRow + rows)` of the step's output. */
  readonly firstRow: number;
  readonly rows: number;
}

/** One step: `batch` for the runner, and for each sequence of it, in the same order, what it is about. */
export interface StepPlan {
  readonly batch: readonly SequenceInput[];
  readonly sequences: readonly PlannedSequence[];
  readonly promptTokens: number;
  readonly decodeTokens: number;
}

/** Puts sequences, whose pages have been reserved, together to a step. */
export function makeStepPlan(chosen: readonly { readonly sequence: ScheduledSequence; readonly tokens: number }[]): StepPlan {
  const batch: SequenceInput[] = [];
  const sequences: PlannedSequence[] = [];
  let firstRow = 0;
  let promptTokens = 0;
  let decodeTokens = 0;
  for (const { sequence, tokens } of chosen) {
    const startPosition = sequence.computed;
    const isComplete = tokens === sequence.pending;
    const outputs = sequence.request.outputs === 'all' ? 'all' : isComplete ? 'last' : 'none';
    const rows = outputs === 'all' ? tokens : outputs === 'last' ? 1 : 0;
    const kind = sequence.isDecoding ? 'decode' : 'prompt';
    batch.push({ tokens: sequence.tokens(startPosition, startPosition + tokens), startPosition, pages: sequence.kv.pages, slot: sequence.kv.slot, outputs });
    sequences.push({ sequence, startPosition, tokens, kind, isComplete, firstRow, rows });
    firstRow += rows;
    if (kind === 'decode') decodeTokens += tokens;
    else promptTokens += tokens;
  }
  return { batch, sequences, promptTokens, decodeTokens };
}
