import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, forVectors, rowAddress, vectorAt } from './rows.js';
import { emitReadSequence, emitZeroRows, sequenceLocals } from './sequence-records.js';
import { emitSigmoid } from './vector-math.js';

/*
 * A convolution over `taps` tokens of a sequence, `dilation` apart, each channel for itself:
 * output[t][c] = bias[c] + sum over j of weights[j][c] * input[t - (taps - 1 - j) * dilation][c], in order of j.
 *
 * Unit = sequence * blocks + block; a block is `blockBytes` of the channels (multiples of 16; the last may be shorter). The state of a
 * slot is the inputs of the last (taps - 1) * dilation tokens: as many rows of (channels) floats. Input and output must not overlap.
 * `weights`: (taps, channels); `bias`: (channels); `sequences`: sequence records.
 */
const fields = {
  input: 'address',
  inputStride: 'int',
  output: 'address',
  outputStride: 'int',
  weights: 'address',
  bias: 'address',
  state: 'address',
  slotStride: 'int',
  sequences: 'address',
  taps: 'int',
  dilation: 'int',
  channelBytes: 'int',
  blockBytes: 'int',
  blocks: 'int',
} as const;

type ConvEmitter = KernelEmitter<typeof fields>;

/** The convolution. */
export const causalConv = defineKernel('causalConv', fields, (k) => emitConvolution(k, false));

/** The convolution, then x * logistic(x). */
export const causalConvSilu = defineKernel('causalConvSilu', fields, (k) => emitConvolution(k, true));

function emitConvolution(k: ConvEmitter, isActivated: boolean): void {
  const { f, at, madd } = k;
  const sequence = sequenceLocals(k);
  const [first, bytes, state, row, tap, out, source, weights, bias, index] = f.locals('i32', 10);
  const history = f.local('i32', i32.mul(i32.sub(at.taps, 1), at.dilation));
  const value = f.local('v128');
  forGroups(k, at.blocks, (number, block) => {
    emitReadSequence(k, at.sequences, number, sequence);
    f.set(first, i32.mul(block, at.blockBytes));
    f.set(bytes, i32.sub(at.channelBytes, first));
    f.set(bytes, i32.select(i32.ltU(bytes, at.blockBytes), bytes, at.blockBytes));
    f.set(state, i32.add(rowAddress(at.state, sequence.slot, at.slotStride), first));
    f.set(bias, i32.add(at.bias, first));
    f.if(sequence.isNew, () => emitZeroRows(k, state, history, at.channelBytes, bytes));
    const find = (): void => emitSource(k, { first, state, history, rowBegin: sequence.rowBegin, index, source });
    f.for(row, 0, sequence.rowCount, 1, () => {
      f.set(out, i32.add(i32.add(at.output, i32.mul(i32.add(sequence.rowBegin, row), at.outputStride)), first));
      forVectors(k, bytes, (offset) => f.do(v128.store(i32.add(out, offset), vectorAt(bias, offset))));
      f.for(tap, 0, at.taps, 1, () => {
        f.set(index, i32.add(i32.sub(row, history), i32.mul(tap, at.dilation)));
        find();
        f.set(weights, i32.add(rowAddress(at.weights, tap, at.channelBytes), first));
        forVectors(k, bytes, (offset) =>
          f.do(
            v128.store(
              i32.add(out, offset),
              madd(vectorAt(weights, offset), vectorAt(source, offset), vectorAt(out, offset)),
            ),
          ),
        );
      });
      if (isActivated) {
        forVectors(k, bytes, (offset) => {
          f.set(value, vectorAt(out, offset));
          f.do(v128.store(i32.add(out, offset), f32x4.mul(value, emitSigmoid(k as unknown as KernelEmitter, value))));
        });
      }
    });
    // What is kept moves towards the start, so that going upwards nothing is overwritten before it is read.
    f.for(tap, 0, history, 1, () => {
      f.set(index, i32.add(i32.sub(sequence.rowCount, history), tap));
      find();
      f.set(out, rowAddress(state, tap, at.channelBytes));
      forVectors(k, bytes, (offset) => f.do(v128.store(i32.add(out, offset), vectorAt(source, offset))));
    });
  });
}

interface SourceLocals {
  readonly first: Local<'i32'>;
  readonly state: Local<'i32'>;
  readonly history: Local<'i32'>;
  readonly rowBegin: Local<'i32'>;
  /** The token, counted from the first one of this step: those before it are in the state. */
  readonly index: Local<'i32'>;
  readonly source: Local<'i32'>;
}

function emitSource({ f, at }: ConvEmitter, { first, state, history, rowBegin, index, source }: SourceLocals): void {
  f.if(
    i32.ltS(index, 0),
    () => f.set(source, i32.add(state, i32.mul(i32.add(index, history), at.channelBytes))),
    () => f.set(source, i32.add(i32.add(at.input, i32.mul(i32.add(rowBegin, index), at.inputStride)), first)),
  );
}
