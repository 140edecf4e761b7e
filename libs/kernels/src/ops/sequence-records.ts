import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import type { KernelEmitter } from './kernel-definition.js';
import { rowAddress } from './rows.js';

/*
 * What operations with a recurrent state need to know of each sequence of a step: its rows of the batch, the slot that its state is
 * kept in, and whether it starts here, so that its state is zero.
 */

/** Places in a record. */
export const sequenceWords = { rowBegin: 0, rowCount: 1, slot: 2, isNew: 3 } as const;

/** Words of a record. */
export const sequenceRecordWords = 4;

/** A record in locals. */
export interface SequenceLocals {
  readonly rowBegin: Local<'i32'>;
  readonly rowCount: Local<'i32'>;
  readonly slot: Local<'i32'>;
  readonly isNew: Local<'i32'>;
}

type Emitter = Pick<KernelEmitter, 'f'>;

/** Locals for a record. */
export function sequenceLocals({ f }: Emitter): SequenceLocals {
  return { rowBegin: f.local('i32'), rowCount: f.local('i32'), slot: f.local('i32'), isNew: f.local('i32') };
}

/** Reads the record of a sequence. */
export function emitReadSequence(
  { f }: Emitter,
  sequences: Local<'i32'>,
  sequence: Local<'i32'>,
  into: SequenceLocals,
): void {
  const record = f.local('i32', i32.add(sequences, i32.mul(sequence, 4 * sequenceRecordWords)));
  for (const name of ['rowBegin', 'rowCount', 'slot', 'isNew'] as const)
    f.set(into[name], i32.load(record, 4 * sequenceWords[name]));
}

/** Sets `bytes` (a multiple of 16) of each of `rows` rows to zero. */
export function emitZeroRows(
  { f }: Emitter,
  start: Local<'i32'>,
  rows: Local<'i32'>,
  stride: Local<'i32'>,
  bytes: Local<'i32'>,
): void {
  const row = f.local('i32');
  const offset = f.local('i32');
  const at = f.local('i32');
  f.for(row, 0, rows, 1, () => {
    f.set(at, rowAddress(start, row, stride));
    f.for(offset, 0, bytes, 16, () => f.do(v128.store(i32.add(at, offset), f32x4.splat(0))));
  });
}
