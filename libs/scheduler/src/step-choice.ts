import { divideBudget } from './divide-budget.js';
import { DraftBudget, type DraftBudgetOptions, type DraftOutlook } from './draft-budget.js';
import { encoderBudget } from './encoder-budget.js';
import type { FairShares } from './fair-shares.js';
import type { RunnerLimits } from './model-runner.js';
import type { PreemptionOrder } from './preemption.js';
import { promptBudget, type PromptBudgetOptions } from './prompt-budget.js';
import type { RunSet } from './run-set.js';
import type { ScheduledSequence } from './sequence.js';
import { readsOf, type StepTimeEstimator } from './step-cost.js';
import type { StepPlan } from './step-plan.js';

/** A sequence of a step with its tokens there. */
export interface ChosenSequence {
  readonly sequence: ScheduledSequence;
  readonly tokens: number;
}

export interface StepChoiceParts {
  readonly set: RunSet;
  readonly order: PreemptionOrder;
  readonly shares: FairShares;
  readonly estimator: StepTimeEstimator;
  readonly limits: RunnerLimits;
  readonly budget: Omit<PromptBudgetOptions, 'maxBatchTokens'> & DraftBudgetOptions;
  /** Reserves pages for a sequence's next tokens; false: it sits this step out, or has ended. */
  readonly reserve: (sequence: ScheduledSequence, tokens: number) => boolean;
}

/**
 * Decides which sequences are in the next step, and with how many tokens.
 *
 * A step holds either sequences that are embedded, all in the same way, or others: the two take turns by their tenants' shares.
 */
export class StepChoice {
  readonly #parts: StepChoiceParts;
  readonly #drafts: DraftBudget;
  #lastWasEmbedding = false;

  constructor(parts: StepChoiceParts) {
    this.#parts = parts;
    this.#drafts = new DraftBudget(parts.estimator, parts.budget);
  }

  /** Learns what a step took. */
  stepped(plan: StepPlan, ms: number): void {
    this.#drafts.stepped(plan, ms);
  }

  /** What the next step is likely to take, with drafts and without. */
  outlook(): DraftOutlook {
    return this.#drafts.outlook([...this.#parts.set.running].filter(({ isDecoding }) => isDecoding));
  }

  /** Sequences of the next step; their pages are reserved. */
  next(): ChosenSequence[] {
    const { set, order, reserve } = this.#parts;
    const eldest = order.eldest(set.running);
    const ranked = [...set.running]
      // What is held may have to be computed again, once it has its token.
      .filter(({ pending, isParked }) => pending > 0 && !isParked)
      .sort((a, b) => Number(b === eldest) - Number(a === eldest) || order.byShare(a, b));
    const pooling = this.#poolingOf(ranked);
    this.#lastWasEmbedding = pooling !== undefined;
    const turn = ranked.filter(({ request }) => request.pooling === pooling);
    const chosen: ChosenSequence[] = [];
    for (const one of pooling === undefined ? this.#parted(turn) : this.#embedded(turn, ranked)) {
      if (one.tokens > 0 && one.sequence.state === 'running' && reserve(one.sequence, one.tokens)) chosen.push(one);
    }
    // Whoever was chosen may have lost its pages to one that came after it in the list.
    return chosen.filter(({ sequence }) => sequence.state === 'running');
  }

  /** How the next step's sequences are pooled; undefined: its turn is that of those whose logits are wanted. */
  #poolingOf(ranked: readonly ScheduledSequence[]): string | undefined {
    const { order, shares } = this.#parts;
    const first = (isWanted: (one: ScheduledSequence) => boolean): ScheduledSequence | undefined =>
      ranked.filter(isWanted).sort(order.byShare)[0];
    const embedded = first(({ request }) => request.pooling !== undefined);
    const other = first(({ request }) => request.pooling === undefined);
    if (embedded === undefined || other === undefined) return embedded?.request.pooling;
    const lead = other.priority - embedded.priority || shares.compare(embedded, other);
    const isTurn = lead < 0 || (lead === 0 && !this.#lastWasEmbedding);
    return isTurn ? embedded.request.pooling : undefined;
  }

  /** One token of each that decodes with its drafts, chunks of prompts, and what an encoder reads. */
  #parted(ranked: readonly ScheduledSequence[]): ChosenSequence[] {
    const { order, limits, set } = this.#parts;
    const decoding = ranked.filter(({ isDecoding }) => isDecoding);
    const drafts = this.#drafts.allot(
      { sequences: decoding, room: limits.maxBatchTokens - ranked.length },
      (sequence) => set.spareTokens(sequence),
    );
    let drafted = 0;
    for (const count of drafts.values()) drafted += count;
    const prompts = ranked.filter(({ isDecoding, unread }) => !isDecoding && unread === 0).sort(order.byShare);
    const shares = divideBudget(
      prompts.map(({ nextTokens, priority, tenant }) => ({ remaining: nextTokens, priority, tenant })),
      Math.max(0, this.#budget(ranked, prompts) - drafted),
    );
    const share = new Map(prompts.map((sequence, i) => [sequence, shares[i]]));
    for (const [sequence, tokens] of encoderBudget(
      ranked.filter(({ unread }) => unread > 0).sort(order.byShare),
      limits.maxBatchTokens,
    ))
      share.set(sequence, tokens);
    return ranked.map((sequence) => ({ sequence, tokens: share.get(sequence) ?? 1 + (drafts.get(sequence) ?? 0) }));
  }

  /** Chunks of those that may come in parts, or whole others: as the first of them does. */
  #embedded(turn: readonly ScheduledSequence[], all: readonly ScheduledSequence[]): ChosenSequence[] {
    const inParts = turn.at(0)?.request.inParts === true;
    const alike = turn.filter(({ request }) => (request.inParts === true) === inParts);
    if (!inParts) return this.#whole(alike, all);
    const shares = divideBudget(
      alike.map(({ pending, priority, tenant }) => ({ remaining: pending, priority, tenant })),
      this.#budget(all, alike),
    );
    return alike.map((sequence, i) => ({ sequence, tokens: shares[i] }));
  }

  /** As many whole sequences as the budget holds; one at least, whatever its length. */
  #whole(ranked: readonly ScheduledSequence[], all: readonly ScheduledSequence[]): ChosenSequence[] {
    let budget = this.#budget(all, ranked);
    return ranked.flatMap((sequence, i) => {
      const tokens = sequence.pending;
      if (i > 0 && tokens > budget) return [];
      budget -= tokens;
      return [{ sequence, tokens }];
    });
  }

  #budget(ranked: readonly ScheduledSequence[], prompts: readonly ScheduledSequence[]): number {
    const { limits, budget, estimator } = this.#parts;
    const decoding = ranked.filter(({ isDecoding, unread }) => isDecoding || unread > 0);
    const reads = decoding.reduce((sum, { computed }) => sum + readsOf(computed, 1), 0);
    const meanPosition = prompts.reduce((sum, { computed }) => sum + computed, 0) / Math.max(1, prompts.length);
    const { isFitted, costs, largestStep } = estimator;
    return promptBudget(
      { ...budget, maxBatchTokens: limits.maxBatchTokens },
      { sequences: decoding.length, reads },
      isFitted ? { ...costs, largestStep } : undefined,
      meanPosition,
    );
  }
}
