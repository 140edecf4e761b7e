import type { Candidates } from '../candidates.js';
import { Mt19937 } from '../mt19937.js';
import type { SamplerStage, StageState } from '../stage.js';
import { drawDiscrete } from './draw.js';

const { abs, fround, max, min } = Math;

const PEAK_LOGIT = 5;
const SHARPNESS = 10;
const INVERSE_WIDTH = fround(1 / fround(0.3));

/** Near which probability to select, and how slowly to forget. */
export interface AdaptivePSettings {
  /** 0 to 1; below 0 the stage draws as usual. */
  readonly target: number;
  /** 0 to 0.99: the history is about 1 / (1 - decay) tokens long. */
  readonly decay: number;
}

/**
 * Adaptive-p: prefers candidates whose probability is near a target, and moves the target so that the average of the tokens taken
 * stays there. It is the last stage of its chain, wherever the client names it. (llama.cpp pull request 17927)
 */
export class AdaptivePStage implements SamplerStage {
  readonly name = 'adaptiveP';
  private weightedSum: number;
  private totalWeight: number;
  /** What was drawn last and how likely it was before the transformation, until it is accepted. */
  private pending: { id: number; probability: number } | undefined;
  private readonly inverseForgetting: number;

  constructor(
    private readonly settings: AdaptivePSettings,
    private generator: Mt19937,
  ) {
    this.inverseForgetting = fround(1 - settings.decay);
    this.weightedSum = fround(settings.target / this.inverseForgetting);
    this.totalWeight = fround(1 / this.inverseForgetting);
  }

  apply(candidates: Candidates): void {
    candidates.softmax();
    if (this.settings.target < 0) {
      candidates.selected = drawDiscrete(candidates, this.generator);
      return;
    }
    const { ids, logits, probabilities, scores, size } = candidates;
    const target = this.adaptedTarget();
    for (let i = 0; i < size; i++) {
      scores[i] = probabilities[i];
      if (logits[i] === -Infinity) continue;
      const distance = abs(fround(fround(probabilities[i] - target) * INVERSE_WIDTH));
      const penalty = fround(fround(fround(SHARPNESS * distance) * distance) / fround(1 + distance));
      logits[i] = PEAK_LOGIT - penalty;
    }
    candidates.softmax();
    candidates.sorted = false;
    const selected = drawDiscrete(candidates, this.generator);
    candidates.selected = selected;
    this.pending = { id: ids[selected], probability: scores[selected] };
  }

  accept(id: number): void {
    if (this.pending?.id === id) {
      const { decay } = this.settings;
      this.weightedSum = fround(this.pending.probability + fround(decay * this.weightedSum));
      this.totalWeight = fround(1 + fround(decay * this.totalWeight));
    }
    this.pending = undefined;
  }

  fork(): AdaptivePStage {
    const copy = new AdaptivePStage(this.settings, this.generator.fork());
    copy.weightedSum = this.weightedSum;
    copy.totalWeight = this.totalWeight;
    copy.pending = this.pending;
    return copy;
  }

  save(): StageState {
    const pending = this.pending === undefined ? [] : [this.pending.id, this.pending.probability];
    return { weightedSum: this.weightedSum, totalWeight: this.totalWeight, pending, ...this.generator.save() };
  }

  restore(state: StageState): void {
    const [id, probability] = state.pending as readonly number[];
    this.weightedSum = state.weightedSum as number;
    this.totalWeight = state.totalWeight as number;
    this.pending = id === undefined ? undefined : { id, probability };
    this.generator = Mt19937.restore({ seed: state.seed as number, drawn: state.drawn as number });
  }

  private adaptedTarget(): number {
    const target = min(max(this.settings.target, 0), 1);
    if (this.totalWeight === 0) return target;
    const average = fround(this.weightedSum / this.totalWeight);
    return min(max(fround(fround(2 * target) - average), 0), 1);
  }
}
