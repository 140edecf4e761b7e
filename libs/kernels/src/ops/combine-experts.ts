import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel } from './kernel-definition.js';
import { forVectors, rowAddress, vectorAt } from './rows.js';
import { emitSigmoid } from './vector-math.js';

/**
 * output[token] = sum over its `used` choices of weights[token][i] * source[rows[token][i]], in order of the choices. Unit = token.
 * Strides and `bytes` (a multiple of 16) of a row are in bytes.
 */
export const combineExperts = defineKernel(
  'combineExperts',
  {
    source: 'address',
    sourceStride: 'int',
    rows: 'address',
    weights: 'address',
    used: 'int',
    output: 'address',
    outputStride: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at, begin, end, madd } = k;
    const token = f.local('i32');
    const choice = f.local('i32');
    const choiceEnd = f.local('i32');
    const output = f.local('i32');
    const sum = f.local('v128');
    f.for(token, begin, end, 1, () => {
      f.set(output, rowAddress(at.output, token, at.outputStride));
      forVectors(k, at.bytes, (offset) => {
        f.set(sum, f32x4.splat(0));
        f.set(choice, i32.mul(token, at.used));
        f.set(choiceEnd, i32.add(choice, at.used));
        f.while(i32.ltU(choice, choiceEnd), () => {
          const row = i32.load(i32.add(at.rows, i32.shl(choice, 2)));
          const weight = v128.load32Splat(i32.add(at.weights, i32.shl(choice, 2)));
          f.set(sum, madd(weight, v128.load(i32.add(i32.add(at.source, i32.mul(row, at.sourceStride)), offset)), sum));
          f.advance(choice, 1);
        });
        f.do(v128.store(i32.add(output, offset), sum));
      });
    });
  },
);

/** target[row] += source[row] / (1 + e^-gate[row]): a block for all tokens that each token lets in as it likes. Unit = row. */
export const addGatedRows = defineKernel(
  'addGatedRows',
  {
    target: 'address',
    targetStride: 'int',
    source: 'address',
    sourceStride: 'int',
    gate: 'address',
    gateStride: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const source = f.local('i32');
    const share = f.local('v128');
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(source, rowAddress(at.source, row, at.sourceStride));
      f.set(share, emitSigmoid(k, v128.load32Splat(rowAddress(at.gate, row, at.gateStride))));
      forVectors(k, at.bytes, (offset) =>
        f.do(
          v128.store(
            i32.add(target, offset),
            f32x4.add(vectorAt(target, offset), f32x4.mul(vectorAt(source, offset), share)),
          ),
        ),
      );
    });
  },
);
