import type { Candidates } from '../candidates.js';
import { statelessStage, type SamplerStage } from '../stage.js';

/**
 * Divides the logits by the temperature. At 0 or below, and at temperatures so small that the largest quotient is beyond single
 * precision, only the most likely candidate keeps its logit.
 */
export function temperature(value: number): SamplerStage {
  return statelessStage('temperature', (candidates) => scaleByTemperature(candidates, value));
}

/** The same as a function, for stages that find their temperature first. Of equal logits the first wins. */
export function scaleByTemperature(candidates: Candidates, value: number): void {
  const { logits, size } = candidates;
  if (value > 0 && !overflows(candidates.maximum(), value)) {
    for (let i = 0; i < size; i++) logits[i] /= value;
    return;
  }
  let best = 0;
  for (let i = 1; i < size; i++) {
    if (logits[i] > logits[best]) {
      logits[best] = -Infinity;
      best = i;
    } else {
      logits[i] = -Infinity;
    }
  }
}

/** Whether the quotient of a finite logit is infinite: what was said of the candidates would be lost. */
function overflows(logit: number, value: number): boolean {
  return Number.isFinite(logit) && !Number.isFinite(Math.fround(logit / value));
}
