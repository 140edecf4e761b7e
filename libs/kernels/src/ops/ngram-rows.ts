import { i32, i64 } from '../wasm/scalar-ops.js';
import { defineKernel } from './kernel-definition.js';
import { rowAddress } from './rows.js';
import { emitReadSequence, sequenceLocals } from './sequence-records.js';

/** What stands for the tokens before a sequence begins. */
const NONE = -1;

/**
 * Numbers of the table rows that stand for the last tokens of a sequence: for lengths of 2 to `size` tokens, `perSize` rows each.
 * With t0 the token itself, t1 the one before and so on, length n has mixed = t0 m0 xor t1 m1 xor ... t(n-1) m(n-1), modulo 2^64, and its
 * rows are mixed % count + first. From the first of t1, t2, ... on that is `end` or missing, all are `end`.
 *
 * Unit = sequence. `multipliers`: (size) 64-bit words; `ranges`: for each row its count and its first, as words; `rows`: for each token
 * (size - 1) * perSize words. A slot's state: the last size - 1 tokens, oldest first.
 */
export const ngramRows = defineKernel(
  'ngramRows',
  {
    tokens: 'address',
    sequences: 'address',
    state: 'address',
    slotStride: 'int',
    multipliers: 'address',
    ranges: 'address',
    size: 'int',
    perSize: 'int',
    end: 'int',
    rows: 'address',
    rowsStride: 'int',
  },
  (k) => {
    const { f, at, begin, end: unitEnd } = k;
    const record = sequenceLocals(k);
    const [sequence, state, row, back, token, isCut, count, target, range, index, history] = f.locals('i32', 11);
    const mixed = f.local('i64');
    /** The token `index` places from the first of this step: those before it are in the state. */
    const setToken = (): void =>
      f.if(
        i32.ltS(index, 0),
        () => f.set(token, i32.load(i32.add(state, i32.shl(i32.add(index, history), 2)))),
        () => f.set(token, i32.load(i32.add(at.tokens, i32.shl(i32.add(record.rowBegin, index), 2)))),
      );
    const product = (place: typeof back) =>
      i64.mul(i64.extendI32U(token), i64.load(i32.add(at.multipliers, i32.shl(place, 3))));
    f.set(history, i32.sub(at.size, 1));
    f.for(sequence, begin, unitEnd, 1, () => {
      emitReadSequence(k, at.sequences, sequence, record);
      f.set(state, rowAddress(at.state, record.slot, at.slotStride));
      f.if(record.isNew, () =>
        f.for(back, 0, history, 1, () => f.do(i32.store(i32.add(state, i32.shl(back, 2)), NONE))),
      );
      f.for(row, 0, record.rowCount, 1, () => {
        f.set(target, i32.add(at.rows, i32.mul(i32.add(record.rowBegin, row), at.rowsStride)));
        f.set(range, at.ranges);
        f.set(index, row);
        setToken();
        f.set(back, 0);
        f.set(mixed, product(back));
        f.set(isCut, 0);
        f.for(back, 1, at.size, 1, () => {
          f.set(index, i32.sub(row, back));
          setToken();
          f.set(isCut, i32.or(isCut, i32.or(i32.ltS(token, 0), i32.eq(token, at.end))));
          f.if(isCut, () => f.set(token, at.end));
          f.set(mixed, i64.xor(mixed, product(back)));
          f.for(count, 0, at.perSize, 1, () => {
            const place = i32.wrapI64(i64.remU(mixed, i64.extendI32U(i32.load(range))));
            f.do(i32.store(target, i32.add(place, i32.load(range, 4))));
            f.advance(target, 4);
            f.advance(range, 8);
          });
        });
      });
      // What is kept moves towards the start, so that going upwards nothing is overwritten before it is read.
      f.for(back, 0, history, 1, () => {
        f.set(index, i32.add(i32.sub(record.rowCount, history), back));
        setToken();
        f.do(i32.store(i32.add(state, i32.shl(back, 2)), token));
      });
    });
  },
);
