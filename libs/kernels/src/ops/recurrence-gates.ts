import type { KernelCall, Placed } from '../program/program.js';
import { gateCodes } from './gate-kernels.js';
import { scriptCall } from './script-calls.js';

/** How fast each head of a recurrence takes in and forgets, for each token. */
export interface GateOperands {
  /**
   * `stateSpace`: step = softplus(raw + bias), decay = exp(step * rate).
   * `deltaNet`: strength = logistic(other), decay = exp(softplus(raw + bias) * rate).
   */
  readonly kind: keyof typeof gateCodes;
  /** (tokens, columns) floats. The `raw` of head h is in column 2 g group + rawColumn + h % group, g = floor(h / group); `other` likewise, from column 0 on. */
  readonly input: Placed;
  readonly inputStride: number;
  readonly rawColumn: number;
  readonly heads: number;
  readonly group: number;
  /** (heads) floats. */
  readonly bias: Placed;
  /** (heads) floats, negative. */
  readonly rate: Placed;
  /** For each token (heads) steps or strengths, then (heads) decays. */
  readonly gates: Placed;
  readonly gatesStride: number;
}

/** Makes the gates of a recurrence. Unit = token. */
export function recurrenceGates(operands: GateOperands): KernelCall {
  const { kind, input, inputStride, rawColumn, heads, group, bias, rate, gates, gatesStride } = operands;
  return scriptCall('recurrenceGates', [
    input,
    inputStride,
    rawColumn,
    heads,
    group,
    bias,
    rate,
    gates,
    gatesStride,
    gateCodes[kind],
  ]);
}
