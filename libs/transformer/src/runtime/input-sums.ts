import type { ComputeMemory } from '@starling/kernels';
import type { Observation } from '../graph/observation.js';

/** What one tensor's matrices were multiplied by so far. */
export interface InputSum {
  readonly columns: number;
  /** (matrices, columns): sums of squares. */
  readonly sums: Float64Array;
  /** Vectors that each matrix was multiplied by. */
  readonly counts: Float64Array;
}

/**
 * Sums of the squares of what each matrix of a model is multiplied by, over all steps: given to `loadTransformer`, it is filled by every
 * step that runs. Steps of such a model take longer and give the same results.
 */
export class InputSums {
  readonly #sums = new Map<string, InputSum>();

  /** By the name of the tensor. */
  get tensors(): ReadonlyMap<string, InputSum> {
    return this.#sums;
  }

  /** Forgets all steps. */
  clear(): void {
    this.#sums.clear();
  }

  /** Takes what a step has left, and leaves zeros. */
  collect(observations: readonly Observation[], memories: readonly ComputeMemory[]): void {
    for (const { tensor, matrices, columns, home, place } of observations) {
      const start = place.address >>> 2;
      const step = memories[home.index].floats.subarray(start, start + matrices * (columns + 1));
      let sum = this.#sums.get(tensor);
      if (sum === undefined) {
        sum = { columns, sums: new Float64Array(matrices * columns), counts: new Float64Array(matrices) };
        this.#sums.set(tensor, sum);
      }
      for (let matrix = 0; matrix < matrices; matrix++) {
        const count = step[matrices * columns + matrix];
        if (count === 0) continue;
        sum.counts[matrix] += count;
        for (let i = matrix * columns; i < (matrix + 1) * columns; i++) sum.sums[i] += step[i];
      }
      step.fill(0);
    }
  }
}
