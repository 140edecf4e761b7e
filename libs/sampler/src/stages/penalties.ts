import type { Candidates } from '../candidates.js';
import type { SamplerStage, StageState } from '../stage.js';
import { TokenWindow } from '../token-window.js';

const { fround } = Math;

/** How the three classic penalties weigh recent tokens. */
export interface PenaltySettings {
  /** How many tokens back, prompt included. */
  readonly lastN: number;
  /** Positive logits are divided by it, others multiplied. (Keskar et al., 2019) */
  readonly repeat: number;
  /** Subtracted once for each occurrence. */
  readonly frequency: number;
  /** Subtracted once. */
  readonly presence: number;
}

/** Repetition, frequency and presence penalties over the last tokens. */
export class PenaltiesStage implements SamplerStage {
  readonly name = 'penalties';
  private window: TokenWindow;
  private readonly counts = new Map<number, number>();

  constructor(private readonly settings: PenaltySettings) {
    this.window = new TokenWindow(settings.lastN);
  }

  accept(id: number): void {
    if (this.settings.lastN === 0) return;
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    const dropped = this.window.push(id);
    if (dropped === undefined) return;
    const left = (this.counts.get(dropped) ?? 1) - 1;
    if (left === 0) this.counts.delete(dropped);
    else this.counts.set(dropped, left);
  }

  apply(candidates: Candidates): void {
    if (candidates.inVocabularyOrder) {
      for (const [id, count] of this.counts) if (id < candidates.size) this.penalize(candidates, id, count);
    } else {
      for (let i = 0; i < candidates.size; i++) {
        const count = this.counts.get(candidates.ids[i]);
        if (count !== undefined) this.penalize(candidates, i, count);
      }
    }
    candidates.sorted = false;
  }

  fork(): PenaltiesStage {
    const copy = new PenaltiesStage(this.settings);
    copy.window = this.window.fork();
    for (const [id, count] of this.counts) copy.counts.set(id, count);
    return copy;
  }

  save(): StageState {
    return { tokens: this.window.toArray() };
  }

  restore(state: StageState): void {
    this.window = new TokenWindow(this.settings.lastN);
    this.counts.clear();
    for (const id of state.tokens as readonly number[]) this.accept(id);
  }

  private penalize({ logits }: Candidates, index: number, count: number): void {
    const { repeat, frequency, presence } = this.settings;
    if (logits[index] <= 0) logits[index] *= repeat;
    else logits[index] /= repeat;
    logits[index] -= fround(fround(count * frequency) + presence);
  }
}
