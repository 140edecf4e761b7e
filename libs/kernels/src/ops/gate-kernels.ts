import type { ScriptKernel } from './script-kernel.js';

/** Numbers of what a gate makes of its input, in a descriptor. */
export const gateCodes = { stateSpace: 0, deltaNet: 1 } as const;

/** Words: as in the call `recurrenceGates`. */
export const recurrenceGatesKernel: ScriptKernel = ({ words, floats }, at, begin, end) => {
  const heads = words[at + 3];
  const group = words[at + 4];
  const bias = words[at + 5] >>> 2;
  const rate = words[at + 6] >>> 2;
  const isDeltaNet = words[at + 9] === gateCodes.deltaNet;
  for (let token = begin; token < end; token++) {
    const input = (words[at] >>> 2) + token * (words[at + 1] >>> 2);
    const gates = (words[at + 7] >>> 2) + token * (words[at + 8] >>> 2);
    for (let head = 0; head < heads; head++) {
      const first = input + 2 * group * Math.floor(head / group) + (head % group);
      const step = softplus(floats[first + words[at + 2]] + floats[bias + head]);
      floats[gates + head] = isDeltaNet ? 1 / (1 + Math.exp(-floats[first])) : step;
      floats[gates + heads + head] = Math.exp(step * floats[rate + head]);
    }
  }
};

/** ln(1 + e^x). */
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));
