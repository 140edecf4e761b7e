import type { DraftBudgetOptions } from '@starling/scheduler';
import type { DraftSources } from './answer-drafts.js';

/** Tokens of an answer that are expected, and computed beside the last one that is known. They never change what comes, only when. */
export interface SpeculationOptions extends DraftSources {
  /** Let the head that predicts the token after the next one draft, where the file has one and no draft model is given. Default true. */
  readonly nextn?: boolean;
  /** Drafts of one answer in a step, at most. Default 15: with the token before them they fill the rows that a model has logits for at once. */
  readonly maxTokens?: number;
  /** Compute all drafts that find room, whatever they cost. Default false: as many as are likely to pay, by what steps took so far. */
  readonly always?: boolean;
}

/** What `LoadOptions.speculation` comes to; undefined: nothing is drafted. @param hasModel whether a second model drafts */
export function speculationOf(
  asked: boolean | SpeculationOptions | undefined,
  hasModel = false,
): (SpeculationOptions & { readonly maxTokens: number }) | undefined {
  if (asked === false) return undefined;
  const options = typeof asked === 'object' ? asked : {};
  const { maxTokens = DEFAULT_DRAFT_TOKENS, lookup = true, grammar = true } = options;
  return maxTokens > 0 && (lookup || grammar || hasModel) ? { ...options, maxTokens } : undefined;
}

/** What the scheduler is told of it. */
export function draftBudgetOf(asked: boolean | SpeculationOptions | undefined, hasModel = false): DraftBudgetOptions {
  const speculation = speculationOf(asked, hasModel);
  return { draftTokens: speculation?.maxTokens ?? 0, draftsAlways: speculation?.always };
}

const DEFAULT_DRAFT_TOKENS = 15;
