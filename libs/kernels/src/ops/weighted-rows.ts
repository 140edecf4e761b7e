import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, forVectors, rowAddress, sumRow, vectorAt } from './rows.js';
import { emitExpNegative } from './vector-math.js';

/*
 * Sums of several rows of a token, by weights that come from scores. Unit = row, one for each token. Strides and `bytes` (multiples of 16)
 * are in bytes; scores and factors are single floats in rows of their stride.
 */

/** score[row] = sum of source[row] * weight, divided by the root of the mean square of source[row] + epsilon. */
export const scoreRows = defineKernel(
  'scoreRows',
  {
    source: 'address',
    sourceStride: 'int',
    weight: 'address',
    columns: 'int',
    epsilon: 'float',
    scores: 'address',
    scoresStride: 'int',
  },
  (k) => {
    const { f, at, begin, end, madd } = k;
    const row = f.local('i32');
    const source = f.local('i32');
    const distance = f.local('i32');
    const product = f.local('f32');
    const bytes = f.local('i32', i32.shl(at.columns, 2));
    f.for(row, begin, end, 1, () => {
      f.set(source, rowAddress(at.source, row, at.sourceStride));
      f.set(distance, i32.sub(at.weight, source));
      f.set(
        product,
        sumRow(k, source, bytes, (address, offset, sum) =>
          madd(v128.load(address, offset), v128.load(i32.add(address, distance), offset), sum),
        ),
      );
      const squares = sumRow(k, source, bytes, (address, offset, sum) =>
        madd(v128.load(address, offset), v128.load(address, offset), sum),
      );
      const root = f32.sqrt(f32.add(f32.div(squares, f32.convertI32U(at.columns)), at.epsilon));
      f.do(f32.store(rowAddress(at.scores, row, at.scoresStride), f32.div(product, root)));
    });
  },
);

/** The first `count` floats of each row become their softmax. */
export const softmaxRows = defineKernel('softmaxRows', { values: 'address', stride: 'int', count: 'int' }, (k) => {
  const { f, at, begin, end } = k;
  const row = f.local('i32');
  const [value, first, limit] = f.locals('i32', 3);
  const top = f.local('f32');
  const sum = f.local('f32');
  const power = f.local('f32');
  const each = (body: () => void): void => f.for(value, first, limit, 4, body);
  f.for(row, begin, end, 1, () => {
    f.set(first, rowAddress(at.values, row, at.stride));
    f.set(limit, i32.add(first, i32.shl(at.count, 2)));
    f.set(top, f32.load(first));
    each(() => f.set(top, f32.max(top, f32.load(value))));
    f.set(sum, 0);
    each(() => {
      f.set(
        power,
        f32x4.extractLane(
          emitExpNegative(k as unknown as KernelEmitter, f32x4.splat(f32.sub(f32.load(value), top))),
          0,
        ),
      );
      f.set(sum, f32.add(sum, power));
      f.do(f32.store(value, power));
    });
    each(() => f.do(f32.store(value, f32.div(f32.load(value), sum))));
  });
});

const weighted = {
  target: 'address',
  targetStride: 'int',
  source: 'address',
  sourceStride: 'int',
  factors: 'address',
  factorsStride: 'int',
  bytes: 'int',
} as const;

/** target[row] = source[row] * factor[row]. */
export const weightRows = defineKernel('weightRows', weighted, (k) => emitWeighted(k, () => f32x4.splat(0)));

/** target[row] += source[row] * factor[row]. */
export const addWeightedRows = defineKernel('addWeightedRows', weighted, (k) => emitWeighted(k, vectorAt));

function emitWeighted(k: KernelEmitter<typeof weighted>, before: typeof vectorAt): void {
  const { f, at, begin, end, madd } = k;
  const row = f.local('i32');
  const target: Local<'i32'> = f.local('i32');
  const source = f.local('i32');
  const factor = f.local('v128');
  f.for(row, begin, end, 1, () => {
    f.set(target, rowAddress(at.target, row, at.targetStride));
    f.set(source, rowAddress(at.source, row, at.sourceStride));
    f.set(factor, v128.load32Splat(rowAddress(at.factors, row, at.factorsStride)));
    forVectors(k, at.bytes, (offset) =>
      f.do(v128.store(i32.add(target, offset), madd(vectorAt(source, offset), factor, before(target, offset)))),
    );
  });
}

/**
 * target[token][group] += source[token][group] * sum of a[token][group] * b[token][group] * weight[group].
 * Unit = token * groups + group; neighbouring groups are `columns` floats (a multiple of 4) apart everywhere.
 */
export const addMatchedGroups = defineKernel(
  'addMatchedGroups',
  {
    target: 'address',
    targetStride: 'int',
    source: 'address',
    sourceStride: 'int',
    a: 'address',
    aStride: 'int',
    b: 'address',
    bStride: 'int',
    weight: 'address',
    groups: 'int',
    columns: 'int',
  },
  (k) => {
    const { f, at, madd } = k;
    const bytes = f.local('i32', i32.shl(at.columns, 2));
    const [first, target, source, a, toB, toWeight] = f.locals('i32', 6);
    const factor = f.local('v128');
    forGroups(k, at.groups, (token, group) => {
      f.set(first, i32.mul(group, bytes));
      f.set(target, i32.add(rowAddress(at.target, token, at.targetStride), first));
      f.set(source, i32.add(rowAddress(at.source, token, at.sourceStride), first));
      f.set(a, i32.add(rowAddress(at.a, token, at.aStride), first));
      f.set(toB, i32.sub(i32.add(rowAddress(at.b, token, at.bStride), first), a));
      f.set(toWeight, i32.sub(i32.add(at.weight, first), a));
      const product = sumRow(k, a, bytes, (address, offset, sum) =>
        madd(
          f32x4.mul(v128.load(address, offset), v128.load(i32.add(address, toB), offset)),
          v128.load(i32.add(address, toWeight), offset),
          sum,
        ),
      );
      f.set(factor, f32x4.splat(product));
      forVectors(k, bytes, (offset) =>
        f.do(v128.store(i32.add(target, offset), madd(vectorAt(source, offset), factor, vectorAt(target, offset)))),
      );
    });
  },
);
