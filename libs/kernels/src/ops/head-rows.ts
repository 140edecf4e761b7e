import type { KernelCall, Placed } from '../program/program.js';
import { i32 } from '../wasm/scalar-ops.js';
import { defineKernel } from './kernel-definition.js';
import { forElements, forGroups, rowAddress } from './rows.js';
import { scriptCall } from './script-calls.js';

/*
 * Products with a matrix of its own for each head go through the kernels for experts: every head is an expert that all tokens have chosen.
 * So rows are sorted by head for them, and by token elsewhere.
 */

/** Where the rows of each head are. Unit: one, for all tokens. */
export function headRows(operands: {
  /** Address of the word that holds the number of tokens. */
  readonly tokens: Placed;
  readonly heads: number;
  /** (heads + 1) words: the first row of each head. */
  readonly firstRows: Placed;
  /** (heads) words: all heads. */
  readonly inUse: Placed;
  /** (tokens * heads) words: row (head, token) for each (token, head). */
  readonly rowOfPair: Placed;
  /** (tokens * heads) words: row (token, head) for each (head, token). */
  readonly pairOfRow: Placed;
}): KernelCall {
  const { tokens, heads, firstRows, inUse, rowOfPair, pairOfRow } = operands;
  return scriptCall('headRows', [tokens, heads, firstRows, inUse, rowOfPair, pairOfRow]);
}

/** target[token][group] = source[token][group], `bytes` of each. Unit = token * groups + group. A group stride of 0 in the source repeats one for all groups. */
export const copyGroups = defineKernel(
  'copyGroups',
  {
    source: 'address',
    sourceTokenStride: 'int',
    sourceGroupStride: 'int',
    target: 'address',
    targetTokenStride: 'int',
    targetGroupStride: 'int',
    groups: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at } = k;
    const source = f.local('i32');
    const target = f.local('i32');
    forGroups(k, at.groups, (token, group) => {
      f.set(source, i32.add(rowAddress(at.source, token, at.sourceTokenStride), i32.mul(group, at.sourceGroupStride)));
      f.set(target, i32.add(rowAddress(at.target, token, at.targetTokenStride), i32.mul(group, at.targetGroupStride)));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), load(i32.add(source, offset)))),
      );
    });
  },
);
