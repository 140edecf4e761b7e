import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import type { Local } from '../wasm/function-builder.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forElements, forGroups, forVectors, rowAddress, sumRow, vectorAt } from './rows.js';

/*
 * Both norms work on rows of `columns` floats (for `layerNorm` a multiple of 4); unit = token * groups + group. Row (token, group) of the input is at
 * input + token * inputTokenStride + group * inputGroupStride, of the output likewise; its weights are at weight + group * weightGroupStride.
 * So one kernel serves whole rows (groups = 1) and heads (groups = number of heads). Strides are in bytes. Input and output may be the same.
 */
const rowFields = {
  input: 'address',
  inputTokenStride: 'int',
  inputGroupStride: 'int',
  output: 'address',
  outputTokenStride: 'int',
  outputGroupStride: 'int',
  weight: 'address',
  weightGroupStride: 'int',
  groups: 'int',
  columns: 'int',
  epsilon: 'float',
} as const;

/** output = input / sqrt(mean(input^2) + epsilon) * weight (Zhang and Sennrich, 2019). */
export const rmsNorm = defineKernel('rmsNorm', rowFields, (k) => emitRmsNorm(k));

/** The same, plus bias, which has the strides of `weight`. */
export const rmsNormWithBias = defineKernel('rmsNormWithBias', { ...rowFields, bias: 'address' }, (k) =>
  emitRmsNorm(k, k.at.bias),
);

function emitRmsNorm(k: KernelEmitter<typeof rowFields>, biases?: Local<'i32'>): void {
  const { f, at, madd } = k;
  const bytes = f.local('i32', i32.shl(at.columns, 2));
  const input = f.local('i32');
  const output = f.local('i32');
  const weight = f.local('i32');
  const bias = f.local('i32');
  const scale = f.local('v128');
  const squares = f.local('f32');
  const offset = f.local('i32');
  const whole = f.local('i32', i32.and(bytes, -16));
  forGroups(k, at.groups, (token, group) => {
    f.set(input, i32.add(rowAddress(at.input, token, at.inputTokenStride), i32.mul(group, at.inputGroupStride)));
    f.set(output, i32.add(rowAddress(at.output, token, at.outputTokenStride), i32.mul(group, at.outputGroupStride)));
    f.set(weight, rowAddress(at.weight, group, at.weightGroupStride));
    if (biases) f.set(bias, rowAddress(biases, group, at.weightGroupStride));
    f.set(
      squares,
      sumRow(k, input, whole, (address, distance, sum) =>
        madd(v128.load(address, distance), v128.load(address, distance), sum),
      ),
    );
    f.for(offset, whole, bytes, 4, () => {
      const value = f32.load(i32.add(input, offset));
      f.set(squares, f32.add(squares, f32.mul(value, value)));
    });
    f.set(scale, f32x4.splat(f32.div(1, f32.sqrt(f32.add(f32.div(squares, f32.convertI32U(at.columns)), at.epsilon)))));
    forElements(k, bytes, (element, { load, store }) => {
      const normal = f32x4.mul(f32x4.mul(load(i32.add(input, element)), scale), load(i32.add(weight, element)));
      f.do(store(i32.add(output, element), biases ? f32x4.add(normal, load(i32.add(bias, element))) : normal));
    });
  });
}

/** output = (input - mean) / sqrt(variance + epsilon) * weight + bias (Ba, Kiros and Hinton, 2016). `bias` has the strides of `weight`. */
export const layerNorm = defineKernel('layerNorm', { ...rowFields, bias: 'address' }, (k) => {
  const { f, at, madd } = k;
  const bytes = f.local('i32', i32.shl(at.columns, 2));
  const input = f.local('i32');
  const output = f.local('i32');
  const weight = f.local('i32');
  const bias = f.local('i32');
  const mean = f.local('v128');
  const scale = f.local('v128');
  const centred = f.local('v128');
  forGroups(k, at.groups, (token, group) => {
    f.set(input, i32.add(rowAddress(at.input, token, at.inputTokenStride), i32.mul(group, at.inputGroupStride)));
    f.set(output, i32.add(rowAddress(at.output, token, at.outputTokenStride), i32.mul(group, at.outputGroupStride)));
    f.set(weight, rowAddress(at.weight, group, at.weightGroupStride));
    f.set(bias, rowAddress(at.bias, group, at.weightGroupStride));
    const total = sumRow(k, input, bytes, (address, offset, sum) => f32x4.add(sum, v128.load(address, offset)));
    f.set(mean, f32x4.splat(f32.div(total, f32.convertI32U(at.columns))));
    const squares = sumRow(k, input, bytes, (address, offset, sum) => {
      f.set(centred, f32x4.sub(v128.load(address, offset), mean));
      return madd(centred, centred, sum);
    });
    f.set(scale, f32x4.splat(f32.div(1, f32.sqrt(f32.add(f32.div(squares, f32.convertI32U(at.columns)), at.epsilon)))));
    forVectors(k, bytes, (offset) => {
      const normal = f32x4.mul(f32x4.sub(vectorAt(input, offset), mean), scale);
      f.do(
        v128.store(
          i32.add(output, offset),
          f32x4.add(f32x4.mul(normal, vectorAt(weight, offset)), vectorAt(bias, offset)),
        ),
      );
    });
  });
});
