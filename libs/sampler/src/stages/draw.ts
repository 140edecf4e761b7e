import type { Candidates } from '../candidates.js';
import { expf } from '../exp.js';
import { Mt19937 } from '../mt19937.js';
import type { SamplerStage, StageState } from '../stage.js';

const { fround } = Math;

/**
 * The last stage: chooses one candidate at random, by its probability. Draws one double for each token, also when one candidate
 * is left; takes the first candidate whose running sum of probabilities reaches it. Sums are in double precision.
 */
export class DrawStage implements SamplerStage {
  readonly name = 'draw';

  constructor(private generator: Mt19937) {}

  apply(candidates: Candidates): void {
    const { logits, probabilities, size } = candidates;
    const drawn = this.generator.nextDouble();
    if (size === 1) {
      probabilities[0] = 1;
      candidates.selected = 0;
      return;
    }
    const maximum = candidates.finiteMaximum();
    let total = 0;
    for (let i = 0; i < size; i++) {
      const value = expf(fround(logits[i] - maximum));
      probabilities[i] = value;
      total += value;
    }
    const target = total * drawn;
    let selected = 0;
    let sum = probabilities[0];
    while (!(sum >= target) && selected < size - 1) sum += probabilities[++selected];
    for (let i = 0; i < size; i++) probabilities[i] /= total;
    candidates.selected = selected;
  }

  fork(): DrawStage {
    return new DrawStage(this.generator.fork());
  }

  save(): StageState {
    return { ...this.generator.save() };
  }

  restore(state: StageState): void {
    this.generator = Mt19937.restore({ seed: state.seed as number, drawn: state.drawn as number });
  }
}

/**
 * The index that `std::discrete_distribution` of GCC's library draws from the probabilities: normalised and summed in double
 * precision, and nothing drawn when there is one candidate. The stages that choose on their own use it.
 */
export function drawDiscrete({ probabilities, size }: Candidates, generator: Mt19937): number {
  if (size < 2) return 0;
  let total = 0;
  for (let i = 0; i < size; i++) total += probabilities[i];
  const drawn = generator.nextDouble();
  if (Number.isNaN(total)) return 0;
  let sum = 0;
  for (let i = 0; i < size - 1; i++) {
    sum += probabilities[i] / total;
    if (sum >= drawn) return i;
  }
  return size - 1;
}
