import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel } from './kernel-definition.js';
import { forElements, forVectors, rowAddress } from './rows.js';

/*
 * What adapters add to rows. Each row has an owner: a row of a table of scales, one scale for each adapter. Owner 0 has none: its
 * rows are left as they are, and row 0 of the table is all zeros.
 */

/**
 * Scales the short rows between the two matrices of adapters, which lie side by side: vector i of a row is multiplied by the scale of its
 * adapter and by its factor, and set to zero if that scale is zero, whatever it held. `segments` has two words for each vector: the byte offset of
 * its adapter in a row of scales, and the factor. Unit = row.
 */
export const weighSegments = defineKernel(
  'weighSegments',
  {
    target: 'address',
    targetStride: 'int',
    owners: 'address',
    scales: 'address',
    scalesStride: 'int',
    segments: 'address',
    bytes: 'int',
  },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const scales = f.local('i32');
    const segment = f.local('i32');
    const scale = f.local('v128');
    const zero = f.local('v128', f32x4.splat(0));
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(scales, i32.add(at.scales, i32.mul(i32.load(i32.add(at.owners, i32.shl(row, 2))), at.scalesStride)));
      f.set(segment, at.segments);
      forVectors(k, at.bytes, (offset) => {
        f.set(scale, v128.load32Splat(i32.add(scales, i32.load(segment))));
        const weighted = f32x4.mul(v128.load(i32.add(target, offset)), f32x4.mul(scale, v128.load32Splat(segment, 4)));
        f.do(v128.store(i32.add(target, offset), v128.and(weighted, f32x4.ne(scale, zero))));
        f.advance(segment, 8);
      });
    });
  },
);

/** target += source, for rows that have an owner. Unit = row. */
export const addOwnedRows = defineKernel(
  'addOwnedRows',
  { target: 'address', targetStride: 'int', source: 'address', sourceStride: 'int', owners: 'address', bytes: 'int' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const source = f.local('i32');
    f.for(row, begin, end, 1, () => {
      f.if(i32.load(i32.add(at.owners, i32.shl(row, 2))), () => {
        f.set(target, rowAddress(at.target, row, at.targetStride));
        f.set(source, rowAddress(at.source, row, at.sourceStride));
        forElements(k, at.bytes, (offset, { load, store }) =>
          f.do(store(i32.add(target, offset), f32x4.add(load(i32.add(target, offset)), load(i32.add(source, offset))))),
        );
      });
    });
  },
);

/**
 * target += the sum of directions (count, bytes), each times its adapter's scale; those with scale 0 are passed over. `adapters` has a word for
 * each direction: the byte offset of its adapter in a row of scales. Unit = row.
 */
export const addDirections = defineKernel(
  'addDirections',
  {
    target: 'address',
    targetStride: 'int',
    owners: 'address',
    scales: 'address',
    scalesStride: 'int',
    adapters: 'address',
    directions: 'address',
    count: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const scales = f.local('i32');
    const index = f.local('i32');
    const direction = f.local('i32');
    const scale = f.local('v128');
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(scales, i32.add(at.scales, i32.mul(i32.load(i32.add(at.owners, i32.shl(row, 2))), at.scalesStride)));
      f.for(index, 0, at.count, 1, () => {
        f.set(scale, v128.load32Splat(i32.add(scales, i32.load(i32.add(at.adapters, i32.shl(index, 2))))));
        f.if(v128.anyTrue(f32x4.ne(scale, f32x4.splat(0))), () => {
          f.set(direction, rowAddress(at.directions, index, at.bytes));
          forElements(k, at.bytes, (offset, { load, store }) =>
            f.do(
              store(
                i32.add(target, offset),
                f32x4.add(load(i32.add(target, offset)), f32x4.mul(load(i32.add(direction, offset)), scale)),
              ),
            ),
          );
        });
      });
    });
  },
);
