import type { ScheduledSequence } from './sequence.js';
import { predictMs, readsOf, type StepTimeEstimator } from './step-cost.js';
import type { StepPlan } from './step-plan.js';

export interface DraftBudgetOptions {
  /** Drafts of one sequence in a step, at most; 0: none are computed. Default 15. */
  readonly draftTokens?: number;
  /** Compute all drafts that find room, whatever they cost. Default: as many as are likely to pay, by what steps took so far. */
  readonly draftsAlways?: boolean;
}

/** What a step holds apart from drafts. */
export interface DecodeRows {
  /** One token each. */
  readonly sequences: readonly ScheduledSequence[];
  /** Tokens that the step has room for beside those. */
  readonly room: number;
}

/** What the next step is likely to take, for whoever makes drafts at a cost of its own. */
export interface DraftOutlook {
  /** Sequences that decode in it: without drafts one token of each comes. */
  readonly sequences: number;
  /** All drafts that find room are computed, whatever they cost. */
  readonly isAlways: boolean;
  /** Whether anything was measured yet. */
  readonly isMeasured: boolean;
  /** Milliseconds of the step with so many drafts of all sequences together. */
  msOf(drafts: number): number;
}

const DEFAULT_TOKENS = 15;

/** Rows of a step for which a time of its own is remembered, at most. */
const WIDEST = 64;

/** How much the newest step of a width counts. */
const WEIGHT = 0.25;

/** After so many steps what is known of a width is too old. */
const STALE_STEPS = 2000;

/** A draft is computed only if that is expected to be faster by more than this: so that what is misjudged costs nothing. */
const MARGIN = 1.03;

/** Without any step with drafts in the last so many, a likely draft of so many tokens is computed to see what it takes. */
const TRIAL = { steps: 300, tokens: 3, chance: 0.6 } as const;

/**
 * Decides how many drafts a step computes: those whose chances, summed, give most tokens for the step's time. One budget for all sequences of the
 * step: a draft that is likely goes before one that is not, whoever it belongs to.
 *
 * What a step of so many rows takes is remembered for each number of them: kernels have widths that they do well, and no straight line shows them.
 * Between two that were measured something between is assumed, beyond them what the estimator of all steps says of a token.
 */
export class DraftBudget {
  readonly #estimator: StepTimeEstimator;
  readonly #maxTokens: number;
  readonly #isAlways: boolean;
  /** By rows: milliseconds apart from those for reading keys, and in which step that was learnt (0: never). */
  readonly #ms = new Float64Array(WIDEST + 1);
  readonly #learnt = new Int32Array(WIDEST + 1);
  #steps = 0;
  #widerAt = 0;

  constructor(
    estimator: StepTimeEstimator,
    { draftTokens = DEFAULT_TOKENS, draftsAlways = false }: DraftBudgetOptions,
  ) {
    this.#estimator = estimator;
    this.#maxTokens = draftTokens;
    this.#isAlways = draftsAlways;
  }

  /** Learns from a step in which nothing but sequences that decode was computed. */
  stepped(plan: StepPlan, ms: number): void {
    if (!plan.sequences.every(({ kind }) => kind === 'decode') || !(ms > 0) || !this.#estimator.isFitted) return;
    let rows = 0;
    let reads = 0;
    for (const { startPosition, tokens } of plan.sequences) {
      rows += tokens;
      reads += readsOf(startPosition, tokens);
    }
    this.#steps++;
    if (plan.draftedTokens > 0) this.#widerAt = this.#steps;
    if (rows > WIDEST) return;
    const own = Math.max(0, ms - this.#estimator.costs.readMs * reads);
    this.#ms[rows] = this.#isKnown(rows) ? this.#ms[rows] + WEIGHT * (own - this.#ms[rows]) : own;
    this.#learnt[rows] = this.#steps;
  }

  /** Drafts of each sequence for the next step: of the first ones it has, those that are likely to pay. */
  allot(
    { sequences, room }: DecodeRows,
    spareOf: (sequence: ScheduledSequence) => number,
  ): Map<ScheduledSequence, number> {
    const allotted = new Map<ScheduledSequence, number>();
    if (this.#maxTokens === 0 || !sequences.some(({ drafted }) => drafted > 0)) return allotted;
    const offers: { readonly sequence: ScheduledSequence; readonly chance: number }[] = [];
    for (const sequence of sequences) {
      const count = sequence.drafted === 0 ? 0 : Math.min(sequence.drafted, this.#maxTokens, spareOf(sequence));
      for (let i = 0; i < count; i++) offers.push({ sequence, chance: sequence.chances?.[i] ?? 0 });
    }
    // Sorting keeps the order of equals, and chances fall: a draft comes after those before it.
    offers.sort((a, b) => b.chance - a.chance);
    offers.length = Math.min(offers.length, room);
    const count = this.#isAlways
      ? offers.length
      : this.#paying(
          sequences,
          offers.map(({ chance }) => chance),
        );
    for (const { sequence } of offers.slice(0, count)) allotted.set(sequence, (allotted.get(sequence) ?? 0) + 1);
    return allotted;
  }

  /** How many of the likeliest drafts give most tokens a millisecond. */
  #paying(sequences: readonly ScheduledSequence[], chances: readonly number[]): number {
    if (!this.#estimator.isFitted) return 0;
    const msOf = this.#costOf(sequences);
    const plain = sequences.length / msOf(sequences.length);
    let best = 0;
    let bestRate = plain * MARGIN;
    let tokens = sequences.length;
    for (let count = 1; count <= chances.length; count++) {
      tokens += chances[count - 1];
      const rate = tokens / msOf(sequences.length + count);
      if (rate > bestRate) [best, bestRate] = [count, rate];
    }
    if (best === 0 && chances.length >= TRIAL.tokens && chances[TRIAL.tokens - 1] > TRIAL.chance && this.#isTrialDue())
      return TRIAL.tokens;
    return best;
  }

  /** What is known of a step in which these sequences decode. */
  outlook(sequences: readonly ScheduledSequence[]): DraftOutlook {
    const msOf = this.#costOf(sequences);
    return {
      sequences: sequences.length,
      isAlways: this.#isAlways,
      isMeasured: this.#estimator.isFitted,
      msOf: (drafts) => msOf(sequences.length + drafts),
    };
  }

  /** Milliseconds of a step with so many rows of these sequences. */
  #costOf(sequences: readonly ScheduledSequence[]): (rows: number) => number {
    const meanPosition = sequences.reduce((sum, { computed }) => sum + computed, 0) / Math.max(1, sequences.length);
    return (rows) => this.#msOf(rows, readsOf(meanPosition, 1) * rows);
  }

  #isTrialDue(): boolean {
    return this.#widerAt === 0 || this.#steps - this.#widerAt > TRIAL.steps;
  }

  #msOf(rows: number, reads: number): number {
    const { costs } = this.#estimator;
    let below = Math.min(rows, WIDEST);
    while (below > 0 && !this.#isKnown(below)) below--;
    if (below === 0) return predictMs(costs, { steps: 1, tokens: rows, reads });
    let above = Math.min(rows, WIDEST);
    while (above <= WIDEST && !this.#isKnown(above)) above++;
    const slope =
      below === above ? 0 : above > WIDEST ? costs.tokenMs : (this.#ms[above] - this.#ms[below]) / (above - below);
    return this.#ms[below] + slope * (rows - below) + costs.readMs * reads;
  }

  #isKnown(width: number): boolean {
    return this.#learnt[width] > 0 && this.#steps - this.#learnt[width] < STALE_STEPS;
  }
}
