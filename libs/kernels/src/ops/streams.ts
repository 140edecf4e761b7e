import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel } from './kernel-definition.js';
import { forElements, forGroups, rowAddress, sumRow } from './rows.js';

/*
 * Operations on rows that have several parts side by side (groups), such as streams of a model that keeps more than one. Unit = token * groups +
 * group. Strides and `bytes` of a part are in bytes; where sums are made, parts are whole vectors.
 */

/** target[token][group] += (factors[token][group] + more) * source[token]; factors of neighbouring groups are `factorStride` apart. */
export const addByFactors = defineKernel(
  'addByFactors',
  {
    target: 'address',
    tokenStride: 'int',
    groupStride: 'int',
    groups: 'int',
    source: 'address',
    sourceStride: 'int',
    factors: 'address',
    factorsStride: 'int',
    factorStride: 'int',
    more: 'float',
    bytes: 'int',
  },
  (k) => {
    const { f, at } = k;
    const target = f.local('i32');
    const source = f.local('i32');
    const factor = f.local('v128');
    const more = f.local('v128', f32x4.splat(at.more));
    forGroups(k, at.groups, (token, group) => {
      f.set(target, i32.add(rowAddress(at.target, token, at.tokenStride), i32.mul(group, at.groupStride)));
      f.set(source, rowAddress(at.source, token, at.sourceStride));
      f.set(
        factor,
        f32x4.add(
          v128.load32Splat(i32.add(rowAddress(at.factors, token, at.factorsStride), i32.mul(group, at.factorStride))),
          more,
        ),
      );
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(
          store(
            i32.add(target, offset),
            f32x4.add(load(i32.add(target, offset)), f32x4.mul(load(i32.add(source, offset)), factor)),
          ),
        ),
      );
    });
  },
);

/** Gives each target[token][group] the Euclidean length of reference[token]. */
export const matchLength = defineKernel(
  'matchLength',
  {
    target: 'address',
    tokenStride: 'int',
    groupStride: 'int',
    groups: 'int',
    reference: 'address',
    referenceStride: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at, madd } = k;
    const target = f.local('i32');
    const reference = f.local('i32');
    const factor = f.local('v128');
    const squares = (row: typeof target) =>
      sumRow(k, row, at.bytes, (address, distance, sum) =>
        madd(v128.load(address, distance), v128.load(address, distance), sum),
      );
    forGroups(k, at.groups, (token, group) => {
      f.set(target, i32.add(rowAddress(at.target, token, at.tokenStride), i32.mul(group, at.groupStride)));
      f.set(reference, rowAddress(at.reference, token, at.referenceStride));
      const wanted = f.local('f32', squares(reference));
      f.set(factor, f32x4.splat(f32.sqrt(f32.div(wanted, squares(target)))));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.mul(load(i32.add(target, offset)), factor))),
      );
    });
  },
);

/** target = max(0, target - mean - deviations * standard deviation) over a row: what is left of a normal distribution's upper end. Unit = row. */
export const keepUpperEnd = defineKernel(
  'keepUpperEnd',
  { target: 'address', targetStride: 'int', columns: 'int', deviations: 'float' },
  (k) => {
    const { f, at, begin, end, madd } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const bytes = f.local('i32', i32.shl(at.columns, 2));
    const count = f.local('f32', f32.convertI32U(at.columns));
    const mean = f.local('f32');
    const middle = f.local('v128');
    const centred = f.local('v128');
    const cut = f.local('v128');
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(
        mean,
        f32.div(
          sumRow(k, target, bytes, (address, distance, sum) => f32x4.add(sum, v128.load(address, distance))),
          count,
        ),
      );
      f.set(middle, f32x4.splat(mean));
      const squares = sumRow(k, target, bytes, (address, distance, sum) => {
        f.set(centred, f32x4.sub(v128.load(address, distance), middle));
        return madd(centred, centred, sum);
      });
      f.set(cut, f32x4.splat(f32.add(mean, f32.mul(f32.sqrt(f32.div(squares, f32.sub(count, 1))), at.deviations))));
      forElements(k, bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.pmax(f32x4.sub(load(i32.add(target, offset)), cut), k.float(0)))),
      );
    });
  },
);
