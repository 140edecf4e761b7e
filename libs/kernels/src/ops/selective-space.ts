import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, forVectors, laneSum, rowAddress, vectorAt } from './rows.js';
import { emitReadSequence, emitZeroRows, sequenceLocals } from './sequence-records.js';
import { emitExp } from './vector-math.js';

/**
 * The recurrence of Mamba (Gu and Dao, 2023) over the tokens of a sequence. Each channel has a state s (stateLength) that forgets in its
 * own way in each element: s = e^(step * rate) * s + (step * x) b, y = s c + skip * x.
 *
 * Unit = sequence * blocks + block; a block is `blockChannels` of the channels (the last may be shorter). `x` and `steps`: (channels) in
 * rows of their strides; `b` and `c`: (stateLength) in rows of `parameterStride`; `rate`: (channels, stateLength); `skip`: (channels).
 * A slot's state: (channels, stateLength). `stateLength` is a multiple of 4.
 */
export const selectiveScan = defineKernel(
  'selectiveScan',
  {
    x: 'address',
    xStride: 'int',
    steps: 'address',
    stepsStride: 'int',
    b: 'address',
    c: 'address',
    parameterStride: 'int',
    rate: 'address',
    skip: 'address',
    output: 'address',
    outputStride: 'int',
    state: 'address',
    slotStride: 'int',
    sequences: 'address',
    channels: 'int',
    blockChannels: 'int',
    blocks: 'int',
    stateLength: 'int',
  },
  (k) => {
    const { f, at, madd } = k;
    const sequence = sequenceLocals(k);
    const [first, count, state, row, rowEnd, x, steps, y, b, c, s, rate, skip, element, bytes] = f.locals('i32', 15);
    const stateBytes = f.local('i32', i32.shl(at.stateLength, 2));
    const step = f.local('v128');
    const input = f.local('v128');
    const sum = f.local('v128');
    const next = f.local('v128');
    forGroups(k, at.blocks, (number, block) => {
      emitReadSequence(k, at.sequences, number, sequence);
      f.set(first, i32.mul(block, at.blockChannels));
      f.set(count, i32.sub(at.channels, first));
      f.set(count, i32.select(i32.ltU(count, at.blockChannels), count, at.blockChannels));
      f.set(bytes, i32.shl(count, 2));
      f.set(state, i32.add(rowAddress(at.state, sequence.slot, at.slotStride), i32.mul(first, stateBytes)));
      f.if(sequence.isNew, () => emitZeroRows(k, state, count, stateBytes, stateBytes));
      f.set(rowEnd, i32.add(sequence.rowBegin, sequence.rowCount));
      f.for(row, sequence.rowBegin, rowEnd, 1, () => {
        f.set(x, i32.add(rowAddress(at.x, row, at.xStride), i32.shl(first, 2)));
        f.set(steps, i32.add(rowAddress(at.steps, row, at.stepsStride), i32.shl(first, 2)));
        f.set(y, i32.add(rowAddress(at.output, row, at.outputStride), i32.shl(first, 2)));
        f.set(b, rowAddress(at.b, row, at.parameterStride));
        f.set(c, rowAddress(at.c, row, at.parameterStride));
        f.set(rate, i32.add(at.rate, i32.mul(first, stateBytes)));
        f.set(skip, i32.add(at.skip, i32.shl(first, 2)));
        f.set(s, state);
        f.for(element, 0, bytes, 4, () => {
          f.set(step, v128.load32Splat(i32.add(steps, element)));
          f.set(input, f32x4.mul(v128.load32Splat(i32.add(x, element)), step));
          f.set(sum, f32x4.splat(0));
          forVectors(k, stateBytes, (offset) => {
            const decay = emitExp(k as unknown as KernelEmitter, f32x4.mul(vectorAt(rate, offset), step));
            f.set(next, madd(vectorAt(b, offset), input, f32x4.mul(vectorAt(s, offset), decay)));
            f.do(v128.store(i32.add(s, offset), next));
            f.set(sum, madd(next, vectorAt(c, offset), sum));
          });
          const kept = f32.mul(f32.load(i32.add(skip, element)), f32.load(i32.add(x, element)));
          f.do(f32.store(i32.add(y, element), f32.add(laneSum(sum), kept)));
          f.advance(s, stateBytes);
          f.advance(rate, stateBytes);
        });
      });
    });
  },
);
