import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forGroups, rowAddress, sumRow } from './rows.js';
import { emitSigmoid } from './vector-math.js';

/** The least magnitude of a match whose root is taken. */
const smallestMatch = 1e-6;

/**
 * gates[token][group] = logistic(sign(s) * root(|s|)) for s = factor * sum of a[token][group] * b[token][group].
 * Unit = token * groups + group; neighbouring groups are `columns` floats (a multiple of 4) apart; strides are in bytes.
 */
export const matchGates = defineKernel(
  'matchGates',
  {
    a: 'address',
    aStride: 'int',
    b: 'address',
    bStride: 'int',
    groups: 'int',
    columns: 'int',
    factor: 'float',
    gates: 'address',
    gatesStride: 'int',
  },
  (k) => {
    const { f, at, madd } = k;
    const bytes = f.local('i32', i32.shl(at.columns, 2));
    const a = f.local('i32');
    const distance = f.local('i32');
    const match = f.local('f32');
    forGroups(k, at.groups, (token, group) => {
      f.set(a, i32.add(rowAddress(at.a, token, at.aStride), i32.mul(group, bytes)));
      f.set(distance, i32.sub(i32.add(rowAddress(at.b, token, at.bStride), i32.mul(group, bytes)), a));
      f.set(
        match,
        f32.mul(
          sumRow(k, a, bytes, (address, offset, sum) =>
            madd(v128.load(address, offset), v128.load(i32.add(address, distance), offset), sum),
          ),
          at.factor,
        ),
      );
      const root = f32.copysign(f32.sqrt(f32.max(f32.abs(match), smallestMatch)), match);
      const gate = emitSigmoid(k as unknown as KernelEmitter, f32x4.splat(f32.select(f32.eq(match, 0), 0, root)));
      f.do(
        f32.store(i32.add(rowAddress(at.gates, token, at.gatesStride), i32.shl(group, 2)), f32x4.extractLane(gate, 0)),
      );
    });
  },
);
