import type { ScriptKernel } from './script-kernel.js';

/** Words: as in the call `headRows`. */
export const headRowsKernel: ScriptKernel = ({ words }, at) => {
  const tokens = words[words[at] >>> 2];
  const heads = words[at + 1];
  const firstRows = words[at + 2] >>> 2;
  const inUse = words[at + 3] >>> 2;
  const rowOfPair = words[at + 4] >>> 2;
  const pairOfRow = words[at + 5] >>> 2;
  for (let head = 0; head < heads; head++) {
    words[firstRows + head] = head * tokens;
    words[inUse + head] = head;
    for (let token = 0; token < tokens; token++) {
      words[rowOfPair + token * heads + head] = head * tokens + token;
      words[pairOfRow + head * tokens + token] = token * heads + head;
    }
  }
  words[firstRows + heads] = heads * tokens;
};
