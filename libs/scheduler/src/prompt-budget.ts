import { predictMs, type StepCosts } from './step-cost.js';

/** The part of a step that sequences which decode take. */
export interface DecodeLoad {
  readonly sequences: number;
  /** Keys that they read. */
  readonly reads: number;
}

export interface PromptBudgetOptions {
  readonly maxBatchTokens: number;
  /** The time between two tokens of an answer that steps aim at. Default: INTER_TOKEN_RATIO times that of a step without prompts. */
  readonly targetInterTokenMs?: number;
  /** Prompt tokens beside decodes, whatever they take; in place of a target. */
  readonly promptTokensWhileDecoding?: number;
}

/** Without a target a step with prompts takes at most this many times one without. */
const INTER_TOKEN_RATIO = 2.5;

/** Prompts move on by this much in each step at least, however slow the machine: else one that decodes without end would stop them. */
const MIN_PROMPT_TOKENS = 8;

/** Costs are trusted for steps up to so many times the largest one measured. */
const TRUSTED_GROWTH = 4;

/**
 * Prompt tokens of the next step. When nobody decodes, all that a step holds. Otherwise so many that the step takes the time between
 * tokens that is aimed at, by the costs measured so far; before there are any, a quarter of a step.
 *
 * @param costs what steps of up to `largestStep` tokens took; undefined before there are any
 * @param meanPosition where in their sequences those prompt tokens are, on average
 */
export function promptBudget(
  options: PromptBudgetOptions,
  decode: DecodeLoad,
  costs: (StepCosts & { readonly largestStep: number }) | undefined,
  meanPosition: number,
): number {
  const { maxBatchTokens, targetInterTokenMs, promptTokensWhileDecoding } = options;
  const room = maxBatchTokens - decode.sequences;
  if (decode.sequences === 0) return room;
  if (promptTokensWhileDecoding !== undefined && targetInterTokenMs === undefined)
    return Math.min(room, Math.max(1, promptTokensWhileDecoding));
  if (costs === undefined) return Math.min(room, Math.max(1, Math.ceil(maxBatchTokens / 4)));
  const alone = predictMs(costs, { steps: 1, tokens: decode.sequences, reads: decode.reads });
  const target = targetInterTokenMs ?? INTER_TOKEN_RATIO * alone;
  const perToken = costs.tokenMs + costs.readMs * meanPosition;
  const tokens = perToken > 0 ? Math.floor((target - alone) / perToken) : room;
  return Math.min(room, Math.max(MIN_PROMPT_TOKENS, Math.min(tokens, TRUSTED_GROWTH * costs.largestStep)));
}
