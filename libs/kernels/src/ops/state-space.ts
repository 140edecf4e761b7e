import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel } from './kernel-definition.js';
import { forGroups, forVectors, laneSum, rowAddress, vectorAt } from './rows.js';
import { emitReadSequence, emitZeroRows, sequenceLocals } from './sequence-records.js';

/**
 * The recurrence of Mamba-2 (Dao and Gu, 2024) over the tokens of a sequence. For each head with state S (headLength, stateLength):
 * S = decay * S + (step * x) b', y = S c + skip * x.
 *
 * Unit = sequence * heads + head. `x` is a part of rows of `inputStride`: (heads, headLength); `b` and `c` are parts of rows of
 * `parameterStride`: (groups, stateLength) each; neighbouring heads share a group. `gates`: for each token the steps of all heads, then their decays.
 * `skip`: one float for each head. A slot's state: (heads, headLength, stateLength). Lengths are multiples of 4.
 */
export const stateSpaceScan = defineKernel(
  'stateSpaceScan',
  {
    x: 'address',
    b: 'address',
    c: 'address',
    inputStride: 'int',
    parameterStride: 'int',
    gates: 'address',
    gatesStride: 'int',
    skip: 'address',
    output: 'address',
    outputStride: 'int',
    state: 'address',
    slotStride: 'int',
    sequences: 'address',
    heads: 'int',
    headsPerGroup: 'int',
    headLength: 'int',
    stateLength: 'int',
  },
  (k) => {
    const { f, at, madd } = k;
    const sequence = sequenceLocals(k);
    const [state, row, rowEnd, gates, x, y, b, c, s, element, group] = f.locals('i32', 11);
    const stateBytes = f.local('i32', i32.shl(at.stateLength, 2));
    const headBytes = f.local('i32', i32.shl(at.headLength, 2));
    const decay = f.local('v128');
    const input = f.local('v128');
    const sum = f.local('v128');
    const next = f.local('v128');
    forGroups(k, at.heads, (number, head) => {
      emitReadSequence(k, at.sequences, number, sequence);
      f.set(group, i32.mul(i32.divU(head, at.headsPerGroup), stateBytes));
      f.set(
        state,
        i32.add(rowAddress(at.state, sequence.slot, at.slotStride), i32.mul(head, i32.mul(at.headLength, stateBytes))),
      );
      f.if(sequence.isNew, () => emitZeroRows(k, state, at.headLength, stateBytes, stateBytes));
      f.set(rowEnd, i32.add(sequence.rowBegin, sequence.rowCount));
      f.for(row, sequence.rowBegin, rowEnd, 1, () => {
        f.set(gates, i32.add(rowAddress(at.gates, row, at.gatesStride), i32.shl(head, 2)));
        f.set(decay, v128.load32Splat(i32.add(gates, i32.shl(at.heads, 2))));
        f.set(x, i32.add(rowAddress(at.x, row, at.inputStride), i32.mul(head, headBytes)));
        f.set(y, i32.add(rowAddress(at.output, row, at.outputStride), i32.mul(head, headBytes)));
        f.set(b, i32.add(rowAddress(at.b, row, at.parameterStride), group));
        f.set(c, i32.add(rowAddress(at.c, row, at.parameterStride), group));
        f.set(s, state);
        f.for(element, 0, headBytes, 4, () => {
          f.set(input, f32x4.mul(v128.load32Splat(i32.add(x, element)), v128.load32Splat(gates)));
          f.set(sum, f32x4.splat(0));
          forVectors(k, stateBytes, (offset) => {
            f.set(next, madd(vectorAt(b, offset), input, f32x4.mul(vectorAt(s, offset), decay)));
            f.do(v128.store(i32.add(s, offset), next));
            f.set(sum, madd(next, vectorAt(c, offset), sum));
          });
          const kept = f32.mul(f32.load(i32.add(at.skip, i32.shl(head, 2))), f32.load(i32.add(x, element)));
          f.do(f32.store(i32.add(y, element), f32.add(laneSum(sum), kept)));
          f.advance(s, stateBytes);
        });
      });
    });
  },
);
