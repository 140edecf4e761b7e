import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, forVectors, laneSum, rowAddress, vectorAt } from './rows.js';
import { emitReadSequence, emitZeroRows, sequenceLocals } from './sequence-records.js';

/*
 * The gated delta rule (Yang, Kautz and Hatamizadeh, 2024) over the tokens of a sequence. For each head with state S (valueLength, keyLength):
 * S = decay * S; S = S + strength * (v - S k) k'; y = S q.
 *
 * Unit = sequence * heads + head. `q`, `k` and `v` are parts of rows of `inputStride`: (keyHeads, keyLength) twice and (heads, valueLength).
 * A head reads the key head (head / keyDivisor) % keyHeads: with a divisor of heads / keyHeads neighbours share one, with 1 they take turns.
 * `strengths`: one float for each head of a token. A slot's state: (heads, valueLength, keyLength). Lengths are multiples of 4.
 */
const fields = {
  q: 'address',
  k: 'address',
  v: 'address',
  inputStride: 'int',
  strengths: 'address',
  strengthsStride: 'int',
  decays: 'address',
  decaysStride: 'int',
  output: 'address',
  outputStride: 'int',
  state: 'address',
  slotStride: 'int',
  sequences: 'address',
  heads: 'int',
  keyHeads: 'int',
  keyDivisor: 'int',
  keyLength: 'int',
  valueLength: 'int',
} as const;

/** `decays`: one float for each head of a token. */
export const deltaNetScan = defineKernel('deltaNetScan', fields, (kernel) => {
  const { f, at } = kernel;
  const decay = f.local('v128');
  emitScan(kernel, {
    begin: (row, head) =>
      f.set(decay, v128.load32Splat(i32.add(rowAddress(at.decays, row, at.decaysStride), i32.shl(head, 2)))),
    decayAt: () => decay,
  });
});

/** Kimi's form (Kimi Team, 2025), whose state forgets in each element of the keys at a rate of its own. `decays`: (heads, keyLength) of a token. */
export const deltaNetElementScan = defineKernel('deltaNetElementScan', fields, (kernel) => {
  const { f, at } = kernel;
  const decays = f.local('i32');
  emitScan(kernel, {
    begin: (row, head) =>
      f.set(decays, i32.add(rowAddress(at.decays, row, at.decaysStride), i32.shl(i32.mul(head, at.keyLength), 2))),
    decayAt: (offset) => vectorAt(decays, offset),
  });
});

interface Decay {
  begin(row: Local<'i32'>, head: Local<'i32'>): void;
  /** The factor of four elements of the state, at an offset in bytes from the first key. */
  decayAt(offset: Local<'i32'>): Expr<'v128'>;
}

function emitScan(kernel: KernelEmitter<typeof fields>, { begin, decayAt }: Decay): void {
  const { f, at, madd } = kernel;
  const sequence = sequenceLocals(kernel);
  const [state, row, rowEnd, strength, q, k, v, y, s, element, keyHead] = f.locals('i32', 11);
  const keyBytes = f.local('i32', i32.shl(at.keyLength, 2));
  const valueBytes = f.local('i32', i32.shl(at.valueLength, 2));
  const change = f.local('v128');
  const sum = f.local('v128');
  const next = f.local('v128');
  forGroups(kernel, at.heads, (number, head) => {
    emitReadSequence(kernel, at.sequences, number, sequence);
    f.set(keyHead, i32.remU(i32.divU(head, at.keyDivisor), at.keyHeads));
    f.set(
      state,
      i32.add(rowAddress(at.state, sequence.slot, at.slotStride), i32.mul(head, i32.mul(at.valueLength, keyBytes))),
    );
    f.if(sequence.isNew, () => emitZeroRows(kernel, state, at.valueLength, keyBytes, keyBytes));
    f.set(rowEnd, i32.add(sequence.rowBegin, sequence.rowCount));
    f.for(row, sequence.rowBegin, rowEnd, 1, () => {
      f.set(strength, i32.add(rowAddress(at.strengths, row, at.strengthsStride), i32.shl(head, 2)));
      begin(row, head);
      f.set(q, i32.add(rowAddress(at.q, row, at.inputStride), i32.mul(keyHead, keyBytes)));
      f.set(k, i32.add(rowAddress(at.k, row, at.inputStride), i32.mul(keyHead, keyBytes)));
      f.set(v, i32.add(rowAddress(at.v, row, at.inputStride), i32.mul(head, valueBytes)));
      f.set(y, i32.add(rowAddress(at.output, row, at.outputStride), i32.mul(head, valueBytes)));
      f.set(s, state);
      f.for(element, 0, valueBytes, 4, () => {
        f.set(sum, f32x4.splat(0));
        forVectors(kernel, keyBytes, (offset) => {
          f.set(next, f32x4.mul(vectorAt(s, offset), decayAt(offset)));
          f.do(v128.store(i32.add(s, offset), next));
          f.set(sum, madd(next, vectorAt(k, offset), sum));
        });
        f.set(change, f32x4.splat(f32.mul(f32.sub(f32.load(i32.add(v, element)), laneSum(sum)), f32.load(strength))));
        f.set(sum, f32x4.splat(0));
        forVectors(kernel, keyBytes, (offset) => {
          f.set(next, madd(change, vectorAt(k, offset), vectorAt(s, offset)));
          f.do(v128.store(i32.add(s, offset), next));
          f.set(sum, madd(next, vectorAt(q, offset), sum));
        });
        f.do(f32.store(i32.add(y, element), laneSum(sum)));
        f.advance(s, keyBytes);
      });
    });
  });
}
