import type { Candidates } from './candidates.js';

/** What a stage must remember to go on later: plain numbers, so that it can be written as JSON. */
export type StageState = Readonly<Record<string, number | readonly number[]>>;

/**
 * One step of the sampling chain. A stage changes logits, drops candidates, reorders them, or chooses one (`candidates.selected`);
 * it must leave at least one candidate, and must behave the same for the same state and candidates.
 *
 * `sampleStageViolations` checks an own stage against these rules.
 */
export interface SamplerStage {
  /** For people: what this stage is. */
  readonly name: string;
  /** Works on the candidates of one token. */
  apply(candidates: Candidates): void;
  /** Hears of every token of the sequence, of the prompt too. */
  accept?(id: number): void;
  /** A stage of its own that goes on as this one would. */
  fork(): SamplerStage;
  /** What to remember, for a stage that remembers anything. */
  save?(): StageState;
  /** Takes over what `save()` gave. */
  restore?(state: StageState): void;
}

/** What a stage without a memory needs to be one: it is its own fork. */
export function statelessStage(name: string, apply: (candidates: Candidates) => void): SamplerStage {
  const stage: SamplerStage = { name, apply, fork: () => stage };
  return stage;
}
