import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, forVectors, laneSum, rowAddress, vectorAt } from './rows.js';
import { emitReadSequence, emitZeroRows, sequenceLocals } from './sequence-records.js';

/*
 * Recurrences over the tokens of a sequence whose state forgets in each element of the keys at a rate of its own. Each head has a state S
 * (length of values, length of keys), both of `headLength`, a multiple of 4; s is its row for one element v of the values.
 *
 * Unit = sequence * heads + head. `r`, `k`, `v` and `decays`: (heads, headLength) in rows of their strides. A slot's state: (heads, headLength,
 * headLength).
 */
const fields = {
  r: 'address',
  rStride: 'int',
  k: 'address',
  kStride: 'int',
  v: 'address',
  vStride: 'int',
  decays: 'address',
  decaysStride: 'int',
  output: 'address',
  outputStride: 'int',
  state: 'address',
  slotStride: 'int',
  sequences: 'address',
  heads: 'int',
  headLength: 'int',
} as const;

/** RWKV-6 (Peng et al., 2024): y = (s + bonus k v) r, s = decay s + k v. `bonus`: (heads, headLength). */
export const wkv6Scan = defineKernel('wkv6Scan', { ...fields, bonus: 'address' }, (kernel) => {
  const { f, at, madd } = kernel;
  const bonus = f.local('i32');
  const pair = f.local('v128');
  emitScan(kernel as unknown as ScanEmitter, {
    head: (first) => f.set(bonus, i32.add(at.bonus, first)),
    element({ r, k, s, decays, value, sum, bytes }) {
      forVectors(kernel, bytes, (offset) => {
        f.set(pair, f32x4.mul(vectorAt(k, offset), value));
        f.set(sum, madd(vectorAt(r, offset), madd(vectorAt(bonus, offset), pair, vectorAt(s, offset)), sum));
        f.do(v128.store(i32.add(s, offset), madd(vectorAt(s, offset), vectorAt(decays, offset), pair)));
      });
    },
  });
});

/** Gated linear attention (Yang et al., 2024): s = decay s + k v, y = scale s r. */
export const gatedLinearScan = defineKernel('gatedLinearScan', { ...fields, scale: 'float' }, (kernel) => {
  const { f, at, madd } = kernel;
  const next = f.local('v128');
  const scale = f.local('v128', f32x4.splat(at.scale));
  emitScan(kernel as unknown as ScanEmitter, {
    element({ r, k, s, decays, value, sum, bytes }) {
      forVectors(kernel, bytes, (offset) => {
        f.set(next, madd(vectorAt(s, offset), vectorAt(decays, offset), f32x4.mul(vectorAt(k, offset), value)));
        f.do(v128.store(i32.add(s, offset), next));
        f.set(sum, madd(next, vectorAt(r, offset), sum));
      });
      f.set(sum, f32x4.mul(sum, scale));
    },
  });
});

/**
 * RWKV-7 (Peng et al., 2025): s = decay s + k v - (s removal) replacement, y = s r. `removal` and `replacement`: (heads, headLength) in rows
 * of their strides.
 */
export const wkv7Scan = defineKernel(
  'wkv7Scan',
  { ...fields, removal: 'address', removalStride: 'int', replacement: 'address', replacementStride: 'int' },
  (kernel) => {
    const { f, at, madd } = kernel;
    const [removal, replacement] = f.locals('i32', 2);
    const removed = f.local('v128');
    const next = f.local('v128');
    emitScan(kernel as unknown as ScanEmitter, {
      token(row, first) {
        f.set(removal, i32.add(rowAddress(at.removal, row, at.removalStride), first));
        f.set(replacement, i32.add(rowAddress(at.replacement, row, at.replacementStride), first));
      },
      element({ r, k, s, decays, value, sum, bytes }) {
        f.set(removed, f32x4.splat(0));
        forVectors(kernel, bytes, (offset) =>
          f.set(removed, madd(vectorAt(s, offset), vectorAt(removal, offset), removed)),
        );
        f.set(removed, f32x4.splat(f32.neg(laneSum(removed))));
        forVectors(kernel, bytes, (offset) => {
          f.set(next, madd(removed, vectorAt(replacement, offset), f32x4.mul(vectorAt(k, offset), value)));
          f.set(next, madd(vectorAt(s, offset), vectorAt(decays, offset), next));
          f.do(v128.store(i32.add(s, offset), next));
          f.set(sum, madd(next, vectorAt(r, offset), sum));
        });
      },
    });
  },
);

type ScanEmitter = KernelEmitter<typeof fields>;

/** What the code for one element of the values works with. */
interface ElementLocals {
  readonly r: Local<'i32'>;
  readonly k: Local<'i32'>;
  readonly decays: Local<'i32'>;
  /** The row of the state. */
  readonly s: Local<'i32'>;
  /** The element, in all lanes. */
  readonly value: Local<'v128'>;
  /** Zero before; the lanes of y after. */
  readonly sum: Local<'v128'>;
  /** Of a row of the state. */
  readonly bytes: Local<'i32'>;
}

interface ScanBody {
  /** Once for each head; `first` is its distance from the first head in bytes. */
  head?(first: Local<'i32'>): void;
  /** Once for each token of a head. */
  token?(row: Local<'i32'>, first: Local<'i32'>): void;
  element(locals: ElementLocals): void;
}

function emitScan(kernel: ScanEmitter, body: ScanBody): void {
  const { f, at } = kernel;
  const sequence = sequenceLocals(kernel);
  const [first, state, row, rowEnd, r, k, v, decays, y, s, element] = f.locals('i32', 11);
  const bytes = f.local('i32', i32.shl(at.headLength, 2));
  const value = f.local('v128');
  const sum = f.local('v128');
  forGroups(kernel, at.heads, (number, head) => {
    emitReadSequence(kernel, at.sequences, number, sequence);
    f.set(first, i32.mul(head, bytes));
    f.set(state, i32.add(rowAddress(at.state, sequence.slot, at.slotStride), i32.mul(first, at.headLength)));
    f.if(sequence.isNew, () => emitZeroRows(kernel, state, at.headLength, bytes, bytes));
    body.head?.(first);
    f.set(rowEnd, i32.add(sequence.rowBegin, sequence.rowCount));
    f.for(row, sequence.rowBegin, rowEnd, 1, () => {
      f.set(r, i32.add(rowAddress(at.r, row, at.rStride), first));
      f.set(k, i32.add(rowAddress(at.k, row, at.kStride), first));
      f.set(v, i32.add(rowAddress(at.v, row, at.vStride), first));
      f.set(decays, i32.add(rowAddress(at.decays, row, at.decaysStride), first));
      f.set(y, i32.add(rowAddress(at.output, row, at.outputStride), first));
      body.token?.(row, first);
      f.set(s, state);
      f.for(element, 0, bytes, 4, () => {
        f.set(value, v128.load32Splat(i32.add(v, element)));
        f.set(sum, f32x4.splat(0));
        body.element({ r, k, decays, s, value, sum, bytes });
        f.do(f32.store(i32.add(y, element), laneSum(sum)));
        f.advance(s, bytes);
      });
    });
  });
}
