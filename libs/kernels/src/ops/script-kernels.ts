import { recurrenceGatesKernel } from './gate-kernels.js';
import { headRowsKernel } from './head-rows-kernel.js';
import { groupByExpertKernel, routeExpertsKernel } from './route-kernels.js';
import type { ScriptKernel } from './script-kernel.js';
import { sumSquaresKernel } from './sum-squares-kernel.js';

export type ScriptKernelName =
  | 'groupByExpert'
  | 'headRows'
  | 'recurrenceGates'
  | 'ropeTable'
  | 'routeExperts'
  | 'sumSquares'
  | 'temperatureTable'
  | 'transferRows';

/** The kernels in TypeScript, by name. */
export const scriptKernels: Readonly<Record<ScriptKernelName, ScriptKernel>> = {
  groupByExpert: groupByExpertKernel,
  headRows: headRowsKernel,
  recurrenceGates: recurrenceGatesKernel,
  routeExperts: routeExpertsKernel,
  sumSquares: sumSquaresKernel,

  ropeTable({ words, floats, doubles }, at, begin, end) {
    const positions = words[at] >>> 2;
    const frequencies = words[at + 1] >>> 3;
    const pairs = words[at + 2];
    const table = words[at + 3] >>> 2;
    const stride = words[at + 4] >>> 2;
    const magnitude = floats[at + 5];
    for (let token = begin; token < end; token++) {
      const position = words[positions + token];
      const row = table + token * stride;
      for (let pair = 0; pair < pairs; pair++) {
        const angle = position * doubles[frequencies + pair];
        floats[row + pair] = Math.cos(angle) * magnitude;
        floats[row + pairs + pair] = Math.sin(angle) * magnitude;
      }
    }
  },

  temperatureTable({ words, floats }, at, begin, end) {
    const positions = words[at] >>> 2;
    const factors = words[at + 1] >>> 2;
    const scale = floats[at + 2];
    const offset = floats[at + 3];
    const interval = floats[at + 4];
    for (let token = begin; token < end; token++) {
      floats[factors + token] = 1 + scale * Math.log(1 + Math.floor((words[positions + token] + offset) / interval));
    }
  },

  transferRows({ words, floats }, at, begin, end, memories) {
    const from = memories[words[at]].floats;
    const source = words[at + 1] >>> 2;
    const target = words[at + 2] >>> 2;
    const stride = words[at + 3] >>> 2;
    const columns = words[at + 4];
    for (let row = begin; row < end; row++) {
      const first = row * stride;
      for (let column = 0; column < columns; column++) floats[target + first + column] = from[source + first + column];
    }
  },
};
