import type { KernelCall, KernelSource, Placed } from '../program/program.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { opsModuleName } from './kernel-definition.js';
import { laneSum } from './rows.js';

/** What a matrix product reads and writes. Strides are in bytes. */
export interface MatmulOperands {
  readonly weights: Placed;
  readonly input: Placed;
  readonly inputStride: number;
  readonly output: Placed;
  readonly outputStride: number;
  readonly columns: number;
  /** Address of the word that holds the number of tokens (rows of the input). */
  readonly tokens: Placed;
}

/** Operand words of a `matmul` call, in this order. */
export function matmulCall(module: string, name: string, operands: MatmulOperands, source?: KernelSource): KernelCall {
  const { weights, input, inputStride, output, outputStride, columns, tokens } = operands;
  return { kernel: { kind: 'matmul', module, name }, operands: [weights, input, output, tokens, columns, inputStride, outputStride], source };
}

/** Rows of floats as they are: for matrices too small to be worth packing, such as those that route to experts. `columns` is a multiple of 4. */
export function denseMatmul(operands: MatmulOperands): KernelCall {
  return matmulCall(opsModuleName, source.name, operands, source);
}

const source: KernelSource = {
  name: 'denseMatmul',
  emit(module, relaxed) {
    const madd = relaxed ? f32x4.relaxedMadd : (a: Parameters<typeof f32x4.add>[0], b: Parameters<typeof f32x4.add>[0], c: Parameters<typeof f32x4.add>[0]) => f32x4.add(f32x4.mul(a, b), c);
    const params = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
    module.function('denseMatmul', { params, export: true }, (f, weights, input, output, begin, end, tokens, columns, inputStride, outputStride) => {
      const row = f.local('i32');
      const token = f.local('i32');
      const weight = f.local('i32');
      const value = f.local('i32');
      const last = f.local('i32');
      const sums = f.locals('v128', 2);
      f.for(row, begin, end, 1, () => {
        f.for(token, 0, tokens, 1, () => {
          f.set(weight, i32.add(weights, i32.mul(row, i32.shl(columns, 2))));
          f.set(value, i32.add(input, i32.mul(token, inputStride)));
          f.set(last, i32.add(value, i32.shl(columns, 2)));
          for (const sum of sums) f.set(sum, f32x4.splat(0));
          const wholeEnd = f.local('i32', i32.add(value, i32.and(i32.shl(columns, 2), -32)));
          f.while(i32.ltU(value, wholeEnd), () => {
            sums.forEach((sum, i) => f.set(sum, madd(v128.load(weight, 16 * i), v128.load(value, 16 * i), sum)));
            f.advance(weight, 32);
            f.advance(value, 32);
          });
          f.if(i32.ltU(value, last), () => f.set(sums[0], madd(v128.load(weight), v128.load(value), sums[0])));
          f.set(sums[0], f32x4.add(sums[0], sums[1]));
          f.do(f32.store(i32.add(i32.add(output, i32.mul(token, outputStride)), i32.shl(row, 2)), laneSum(sums[0])));
        });
      });
    });
  },
};
