import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, rowAddress } from './rows.js';

/*
 * Rotary position embedding (Su et al., 2021), in place. Unit = token * heads + head; a head's values are at
 * values + token * tokenStride + head * headStride (bytes). The table has a row for each token of the step:
 *
 * | floats | content |
 * |---|---|
 * | pairs | cosines |
 * | pairs | sines |
 *
 * Values of a head beyond 2 * pairs stay as they are.
 */
const fields = {
  values: 'address',
  tokenStride: 'int',
  headStride: 'int',
  heads: 'int',
  pairs: 'int',
  table: 'address',
  tableStride: 'int',
} as const;

/** The pair i is (i, i + pairs): the order of GPT-NeoX, and of most models. */
export const ropeHalves = defineKernel('ropeHalves', fields, (k) => {
  const { f, at, madd } = k;
  const half = f.local('i32', i32.shl(at.pairs, 2));
  const wide = f.local('i32', i32.and(half, -16));
  const low = f.local('v128');
  const high = f.local('v128');
  const address = f.local('i32');
  const cosine = f.local('v128');
  const sine = f.local('v128');
  const x = f.local('f32');
  const y = f.local('f32');
  const c = f.local('f32');
  const s = f.local('f32');
  forRotations(k, (head, row, offset) => {
    f.for(offset, 0, wide, 16, () => {
      f.set(address, i32.add(head, offset));
      f.set(low, v128.load(address));
      f.set(high, v128.load(i32.add(address, half)));
      f.set(cosine, v128.load(i32.add(row, offset)));
      f.set(sine, v128.load(i32.add(i32.add(row, half), offset)));
      f.do(
        v128.store(address, madd(low, cosine, f32x4.neg(f32x4.mul(high, sine)))),
        v128.store(i32.add(address, half), madd(low, sine, f32x4.mul(high, cosine))),
      );
    });
    f.for(offset, wide, half, 4, () => {
      f.set(address, i32.add(head, offset));
      f.set(x, f32.load(address));
      f.set(y, f32.load(i32.add(address, half)));
      f.set(c, f32.load(i32.add(row, offset)));
      f.set(s, f32.load(i32.add(i32.add(row, half), offset)));
      f.do(
        f32.store(address, f32.sub(f32.mul(x, c), f32.mul(y, s))),
        f32.store(i32.add(address, half), f32.add(f32.mul(x, s), f32.mul(y, c))),
      );
    });
  });
});

/** The pair i is (2i, 2i + 1): the order of Llama files. */
export const ropePairs = defineKernel('ropePairs', fields, (k) => {
  const { f, at, madd } = k;
  const half = f.local('i32', i32.shl(at.pairs, 2));
  const wide = f.local('i32', i32.and(half, -16));
  const first = f.local('v128');
  const second = f.local('v128');
  const even = f.local('v128');
  const odd = f.local('v128');
  const address = f.local('i32');
  const cosine = f.local('v128');
  const sine = f.local('v128');
  const x = f.local('f32');
  const y = f.local('f32');
  const c = f.local('f32');
  const s = f.local('f32');
  forRotations(k, (head, row, offset) => {
    f.for(offset, 0, wide, 16, () => {
      f.set(address, i32.add(head, i32.shl(offset, 1)));
      f.set(first, v128.load(address));
      f.set(second, v128.load(address, 16));
      f.set(even, lanes(first, second, [0, 2, 4, 6]));
      f.set(odd, lanes(first, second, [1, 3, 5, 7]));
      f.set(cosine, v128.load(i32.add(row, offset)));
      f.set(sine, v128.load(i32.add(i32.add(row, half), offset)));
      f.set(first, madd(even, cosine, f32x4.neg(f32x4.mul(odd, sine))));
      f.set(second, madd(even, sine, f32x4.mul(odd, cosine)));
      f.do(
        v128.store(address, lanes(first, second, [0, 4, 1, 5])),
        v128.store(address, lanes(first, second, [2, 6, 3, 7]), 16),
      );
    });
    f.for(offset, wide, half, 4, () => {
      f.set(address, i32.add(head, i32.shl(offset, 1)));
      f.set(x, f32.load(address));
      f.set(y, f32.load(address, 4));
      f.set(c, f32.load(i32.add(row, offset)));
      f.set(s, f32.load(i32.add(i32.add(row, half), offset)));
      f.do(
        f32.store(address, f32.sub(f32.mul(x, c), f32.mul(y, s))),
        f32.store(address, f32.add(f32.mul(x, s), f32.mul(y, c)), 4),
      );
    });
  });
});

function forRotations(
  k: KernelEmitter<typeof fields>,
  body: (head: Local<'i32'>, row: Local<'i32'>, offset: Local<'i32'>) => void,
): void {
  const { f, at } = k;
  const head = f.local('i32');
  const row = f.local('i32');
  const offset = f.local('i32');
  forGroups(k, at.heads, (token, group) => {
    f.set(head, i32.add(rowAddress(at.values, token, at.tokenStride), i32.mul(group, at.headStride)));
    f.set(row, rowAddress(at.table, token, at.tableStride));
    body(head, row, offset);
  });
}

/** Four 32-bit lanes picked from the eight of two vectors. */
function lanes(a: Expr<'v128'>, b: Expr<'v128'>, picks: readonly number[]): Expr<'v128'> {
  return i8x16.shuffle(
    a,
    b,
    picks.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
  );
}
