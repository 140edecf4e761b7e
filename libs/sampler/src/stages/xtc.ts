import type { Candidates } from '../candidates.js';
import { Mt19937 } from '../mt19937.js';
import type { SamplerStage, StageState } from '../stage.js';

/** When XTC acts, and on what. */
export interface XtcSettings {
  /** How often, 0 to 1. */
  readonly probability: number;
  /** From which probability on a candidate is one of the likely ones; above 0.5: never. */
  readonly threshold: number;
  /** Acts only if this many candidates stay. */
  readonly minKeep: number;
}

/**
 * "Exclude top choices": now and then removes all likely candidates but the least likely of them. Has a generator of its own,
 * with the same seed as the draw, of which one single-precision number is taken for each token with more than one candidate.
 * (Weidmann, 2024)
 */
export class XtcStage implements SamplerStage {
  readonly name = 'xtc';

  constructor(
    private readonly settings: XtcSettings,
    private generator: Mt19937,
  ) {}

  apply(candidates: Candidates): void {
    const { probability, threshold, minKeep } = this.settings;
    if (probability <= 0 || threshold > 0.5 || candidates.size < 2) return;
    if (this.generator.nextFloat() > probability) return;
    candidates.sort();
    candidates.softmax();
    let likely = 0;
    while (likely < candidates.size && candidates.probabilities[likely] >= threshold) likely++;
    const removed = likely - 1;
    if (removed > 0 && candidates.size - removed >= minKeep) candidates.dropFirst(removed);
  }

  fork(): XtcStage {
    return new XtcStage(this.settings, this.generator.fork());
  }

  save(): StageState {
    return { ...this.generator.save() };
  }

  restore(state: StageState): void {
    this.generator = Mt19937.restore({ seed: state.seed as number, drawn: state.drawn as number });
  }
}
