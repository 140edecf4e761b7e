import type { DraftOutlook } from '@starling/scheduler';

/** An answer that goes on being drafted. */
export interface DraftingAnswer {
  /** How likely it is that all its drafts so far are right; 1: it has none. */
  readonly chance: number;
  /** The same of its next draft alone. */
  readonly next: number;
  /** Drafts that it may have beside those. */
  readonly room: number;
}

/** Where drafting stands: each round gives every answer one more. */
export interface DraftingState {
  readonly outlook: DraftOutlook;
  readonly answers: readonly DraftingAnswer[];
  /** Drafts of all answers so far, and how many of them are likely to come. */
  readonly drafted: number;
  readonly expected: number;
  /** Milliseconds that they took, and that each further round takes. */
  readonly spentMs: number;
  readonly roundMs: number;
}

/** What further rounds are worth. */
export interface RoundsWorth {
  /** As many of them give most tokens for the time; 0: the next step does best with what there is. */
  readonly rounds: number;
  /** Milliseconds that they spare for each token. */
  readonly sparedMs: number;
}

/** Rounds are begun only if that is expected to be faster by more than this: so that what is misjudged costs nothing. */
const MARGIN = 1.03;

/** How many further rounds of drafting pay, by what drafts and the step that verifies them take together. */
export function furtherRounds({ outlook, answers, drafted, expected, spentMs, roundMs }: DraftingState): RoundsWorth {
  const most = answers.reduce((longest, { room }) => Math.max(longest, room), 0);
  const msPerToken = (rounds: number, drafts: number, tokens: number): number =>
    (outlook.msOf(drafts) + spentMs + roundMs * rounds) / (outlook.sequences + tokens);
  const now = msPerToken(0, drafted, expected);
  const chances = answers.map(({ chance }) => chance);
  let [drafts, tokens] = [drafted, expected];
  let best = 0;
  let least = drafted === 0 ? now / MARGIN : now;
  for (let round = 1; round <= most; round++) {
    answers.forEach(({ next, room }, i) => {
      if (round > room) return;
      drafts++;
      tokens += chances[i] *= next;
    });
    const ms = msPerToken(round, drafts, tokens);
    if (ms < least) [best, least] = [round, ms];
  }
  return { rounds: best, sparedMs: best === 0 ? 0 : now - least };
}
