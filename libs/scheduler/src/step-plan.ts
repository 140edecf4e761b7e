import type { StateCheckpoint } from '@starling/kvcache';
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
  /** So many of its tokens, the last ones, are drafts: expected, not known. */
  readonly drafted: number;
  /**
   * All its known tokens are computed after this step, so that the last of its rows predicts the next one; with drafts, the row of the last known
   * token, and that of each draft for as long as the draft is what came.
   */
  readonly isComplete: boolean;
  /** Its rows of logits are `[firstRow, firstRow + rows)` of the step's output. */
  readonly firstRow: number;
  readonly rows: number;
}

/** A state of recurrent layers that is to be kept. */
export interface StateSave {
  readonly slot: number;
  readonly position: number;
  /** Takes the state. */
  readonly keep: (state: StateCheckpoint) => void;
}

/** What a step begins with. */
export type StepPreparation = Pick<StepPlan, 'saves' | 'copies'>;

/** One step: `batch` for the runner, and for each sequence of it, in the same order, what it is about. */
export interface StepPlan {
  readonly batch: readonly SequenceInput[];
  readonly sequences: readonly PlannedSequence[];
  /** States of recurrent layers that are to be kept before anything else is put into their slots. Whoever keeps them takes each out. */
  readonly saves: StateSave[];
  /** Page copies to be made before the step, in order. Whoever makes them takes each out when it is done: on a rollback the rest is planned again. */
  readonly copies: [from: number, to: number][];
  /** States of recurrent layers to be put into slots before the step. */
  readonly loads: readonly { readonly slot: number; readonly state: StateCheckpoint }[];
  /** For a step of sequences that are embedded: how. */
  readonly pooling?: string;
  /** Tokens and sequences that somebody asked for (`isInternal`). */
  readonly promptTokens: number;
  /** Those that were appended; drafts beside them. */
  readonly decodeTokens: number;
  readonly askedSequences: number;
  readonly draftedTokens: number;
}

/** Puts sequences, whose pages have been reserved, together to a step. */
export function makeStepPlan(
  chosen: readonly { readonly sequence: ScheduledSequence; readonly tokens: number }[],
  { saves, copies }: StepPreparation,
): StepPlan {
  const batch: SequenceInput[] = [];
  const sequences: PlannedSequence[] = [];
  const loads: { slot: number; state: StateCheckpoint }[] = [];
  let firstRow = 0;
  let promptTokens = 0;
  let decodeTokens = 0;
  let askedSequences = 0;
  let draftedTokens = 0;
  for (const { sequence, tokens } of chosen) {
    const startPosition = sequence.computed;
    const drafted = Math.max(0, tokens - sequence.pending);
    const isComplete = tokens - drafted === sequence.pending;
    const outputs = sequence.request.outputs === 'all' || drafted > 0 ? 'all' : isComplete ? 'last' : 'none';
    const rows = outputs === 'all' ? tokens - sequence.unread : outputs === 'last' ? 1 : 0;
    const kind = sequence.isDecoding ? 'decode' : 'prompt';
    batch.push({
      tokens: sequence.tokens(startPosition, startPosition + tokens),
      startPosition,
      pages: sequence.kv.pages,
      windowPages: sequence.kv.windows?.pages,
      slot: sequence.slot,
      outputs,
      secondFrom: sequence.request.secondFrom,
      adapterScales: sequence.request.adapterScales,
      encoderTokens: sequence.request.encoderTokens,
    });
    if (sequence.restore) loads.push({ slot: sequence.slot, state: sequence.restore });
    sequences.push({ sequence, startPosition, tokens, drafted, kind, isComplete, firstRow, rows });
    firstRow += rows;
    if (sequence.request.isInternal === true) continue;
    askedSequences++;
    draftedTokens += drafted;
    if (kind === 'decode') decodeTokens += tokens - drafted;
    else promptTokens += tokens;
  }
  return {
    batch,
    sequences,
    saves,
    copies,
    loads,
    pooling: chosen[0].sequence.request.pooling,
    promptTokens,
    decodeTokens,
    draftedTokens,
    askedSequences,
  };
}
