import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelEmitter } from './kernel-definition.js';
import { forElements, forGroups, rowAddress } from './rows.js';
import { emitTanh } from './vector-math.js';

/*
 * Operations on rows of floats. Unit = row, one for each token unless said otherwise. Strides and `bytes` of a row are in bytes.
 */

/** target += source * scale: a residual connection. */
export const addRows = defineKernel(
  'addRows',
  { target: 'address', targetStride: 'int', source: 'address', sourceStride: 'int', bytes: 'int', scale: 'float' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const source = f.local('i32');
    const scale = f.local('v128', f32x4.splat(at.scale));
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(source, rowAddress(at.source, row, at.sourceStride));
      forElements(k, at.bytes, (offset, { load, store }) => {
        f.do(
          store(
            i32.add(target, offset),
            f32x4.add(load(i32.add(target, offset)), f32x4.mul(load(i32.add(source, offset)), scale)),
          ),
        );
      });
    });
  },
);

/** target *= source, element by element. */
export const multiplyRows = defineKernel(
  'multiplyRows',
  { target: 'address', targetStride: 'int', source: 'address', sourceStride: 'int', bytes: 'int' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const source = f.local('i32');
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(source, rowAddress(at.source, row, at.sourceStride));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.mul(load(i32.add(target, offset)), load(i32.add(source, offset))))),
      );
    });
  },
);

/** target = base + a * b, element by element. The target may be one of them; a stride of 0 repeats a row. */
export const multiplyAddRows = defineKernel(
  'multiplyAddRows',
  {
    target: 'address',
    targetStride: 'int',
    base: 'address',
    baseStride: 'int',
    a: 'address',
    aStride: 'int',
    b: 'address',
    bStride: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at, begin, end, madd } = k;
    const row = f.local('i32');
    const [target, base, a, b] = f.locals('i32', 4);
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(base, rowAddress(at.base, row, at.baseStride));
      f.set(a, rowAddress(at.a, row, at.aStride));
      f.set(b, rowAddress(at.b, row, at.bStride));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(
          store(
            i32.add(target, offset),
            madd(load(i32.add(a, offset)), load(i32.add(b, offset)), load(i32.add(base, offset))),
          ),
        ),
      );
    });
  },
);

/** output = input * scale. Both may be the same. */
export const scaleRows = defineKernel(
  'scaleRows',
  { input: 'address', inputStride: 'int', output: 'address', outputStride: 'int', bytes: 'int', scale: 'float' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const input = f.local('i32');
    const output = f.local('i32');
    const scale = f.local('v128', f32x4.splat(at.scale));
    f.for(row, begin, end, 1, () => {
      f.set(input, rowAddress(at.input, row, at.inputStride));
      f.set(output, rowAddress(at.output, row, at.outputStride));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(output, offset), f32x4.mul(load(i32.add(input, offset)), scale))),
      );
    });
  },
);

/** target[token][group] += bias[group]. Unit = token * groups + group; biases of neighbouring groups are `bytes` apart. */
export const addBias = defineKernel(
  'addBias',
  { target: 'address', tokenStride: 'int', groups: 'int', bias: 'address', bytes: 'int' },
  (k) => {
    const { f, at } = k;
    const target = f.local('i32');
    const bias = f.local('i32');
    forGroups(k, at.groups, (token, group) => {
      f.set(target, i32.add(rowAddress(at.target, token, at.tokenStride), i32.mul(group, at.bytes)));
      f.set(bias, rowAddress(at.bias, group, at.bytes));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.add(load(i32.add(target, offset)), load(i32.add(bias, offset))))),
      );
    });
  },
);

/** target[token][group] is held within ±limit. Unit = token * groups + group; neighbouring groups are `bytes` apart. */
export const clampRows = defineKernel(
  'clampRows',
  { target: 'address', tokenStride: 'int', groups: 'int', bytes: 'int', limit: 'float' },
  (k) => {
    const { f, at } = k;
    const target = f.local('i32');
    const high = f.local('v128', f32x4.splat(at.limit));
    const low = f.local('v128', f32x4.neg(high));
    forGroups(k, at.groups, (token, group) => {
      f.set(target, i32.add(rowAddress(at.target, token, at.tokenStride), i32.mul(group, at.bytes)));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.min(f32x4.max(load(i32.add(target, offset)), low), high))),
      );
    });
  },
);

/** target = cap * tanh(target * scale / cap): logits within ±cap. */
export const softcapRows = defineKernel(
  'softcapRows',
  { target: 'address', targetStride: 'int', bytes: 'int', cap: 'float', scale: 'float' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const cap = f.local('v128', f32x4.splat(at.cap));
    const inner = f.local('v128', f32x4.div(f32x4.splat(at.scale), cap));
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      forElements(k, at.bytes, (offset, { load, store }) => {
        const bounded = emitTanh(k as unknown as KernelEmitter, f32x4.mul(load(i32.add(target, offset)), inner));
        f.do(store(i32.add(target, offset), f32x4.mul(bounded, cap)));
      });
    });
  },
);

/** output[row] = table[indexes[row]]: rows picked by 32-bit row numbers. */
export const gatherRows = defineKernel(
  'gatherRows',
  { table: 'address', tableStride: 'int', indexes: 'address', output: 'address', outputStride: 'int', bytes: 'int' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const source = f.local('i32');
    const output = f.local('i32');
    f.for(row, begin, end, 1, () => {
      f.set(source, i32.add(at.table, i32.mul(i32.load(i32.add(at.indexes, i32.shl(row, 2))), at.tableStride)));
      f.set(output, rowAddress(at.output, row, at.outputStride));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(output, offset), load(i32.add(source, offset)))),
      );
    });
  },
);

/** target[row] += table[indexes[row]]: learned positions. */
export const addGatheredRows = defineKernel(
  'addGatheredRows',
  { table: 'address', tableStride: 'int', indexes: 'address', target: 'address', targetStride: 'int', bytes: 'int' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const source = f.local('i32');
    const target = f.local('i32');
    f.for(row, begin, end, 1, () => {
      f.set(source, i32.add(at.table, i32.mul(i32.load(i32.add(at.indexes, i32.shl(row, 2))), at.tableStride)));
      f.set(target, rowAddress(at.target, row, at.targetStride));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.add(load(i32.add(target, offset)), load(i32.add(source, offset))))),
      );
    });
  },
);

/** target[token][group] *= factors[token]: for example an attention temperature that grows with the position. Unit = token * groups + group. */
export const scaleByToken = defineKernel(
  'scaleByToken',
  { target: 'address', tokenStride: 'int', groupStride: 'int', groups: 'int', factors: 'address', bytes: 'int' },
  (k) => {
    const { f, at } = k;
    const target = f.local('i32');
    const factor = f.local('v128');
    forGroups(k, at.groups, (token, group) => {
      f.set(target, i32.add(rowAddress(at.target, token, at.tokenStride), i32.mul(group, at.groupStride)));
      f.set(factor, v128.load32Splat(i32.add(at.factors, i32.shl(token, 2))));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.mul(load(i32.add(target, offset)), factor))),
      );
    });
  },
);

/** target[token][group] *= factors[token][group]: for example a gate for each head. Unit = token * groups + group. */
export const scaleByGroup = defineKernel(
  'scaleByGroup',
  {
    target: 'address',
    tokenStride: 'int',
    groupStride: 'int',
    groups: 'int',
    factors: 'address',
    factorsStride: 'int',
    bytes: 'int',
  },
  (k) => {
    const { f, at } = k;
    const target = f.local('i32');
    const factor = f.local('v128');
    forGroups(k, at.groups, (token, group) => {
      f.set(target, i32.add(rowAddress(at.target, token, at.tokenStride), i32.mul(group, at.groupStride)));
      f.set(factor, v128.load32Splat(i32.add(rowAddress(at.factors, token, at.factorsStride), i32.shl(group, 2))));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.mul(load(i32.add(target, offset)), factor))),
      );
    });
  },
);

/** target[row] *= factor, one float in memory. */
export const scaleByValue = defineKernel(
  'scaleByValue',
  { target: 'address', targetStride: 'int', factor: 'address', bytes: 'int' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const factor = f.local('v128', v128.load32Splat(at.factor));
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.mul(load(i32.add(target, offset)), factor))),
      );
    });
  },
);

/** target[row] *= factors[indexes[row]]: the scale of each row's expert. */
export const scaleByIndex = defineKernel(
  'scaleByIndex',
  { target: 'address', targetStride: 'int', factors: 'address', indexes: 'address', bytes: 'int' },
  (k) => {
    const { f, at, begin, end } = k;
    const row = f.local('i32');
    const target = f.local('i32');
    const factor = f.local('v128');
    f.for(row, begin, end, 1, () => {
      f.set(target, rowAddress(at.target, row, at.targetStride));
      f.set(factor, v128.load32Splat(i32.add(at.factors, i32.shl(i32.load(i32.add(at.indexes, i32.shl(row, 2))), 2))));
      forElements(k, at.bytes, (offset, { load, store }) =>
        f.do(store(i32.add(target, offset), f32x4.mul(load(i32.add(target, offset)), factor))),
      );
    });
  },
);
