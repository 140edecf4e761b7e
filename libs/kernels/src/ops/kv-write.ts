import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelDefinition, type KernelEmitter } from './kernel-definition.js';
import { kvBlock, kvBlocks, kvHeadLayout, type KvShape } from './kv-layout.js';
import { forGroups, rowAddress } from './rows.js';

/**
 * Unit = token * heads + head. `tokenPages` and `tokenOffsets` hold for each token of the step the page it is written to and its place there.
 * Strides are in bytes.
 */
export const kvWriteFields = {
  key: 'address',
  keyTokenStride: 'int',
  value: 'address',
  valueTokenStride: 'int',
  heads: 'int',
  pages: 'address',
  pageStride: 'int',
  tokenPages: 'address',
  tokenOffsets: 'address',
} as const;

/** Writes the step's keys and values into pages of this shape. */
export function kvWrite(shape: KvShape): KernelDefinition<typeof kvWriteFields> {
  const { format, keyLength, valueLength, pageTokens } = shape;
  const layout = kvHeadLayout(shape);
  return defineKernel(`kvWrite_${format}_${keyLength}_${valueLength}_${pageTokens}`, kvWriteFields, (k) => {
    const { f, at } = k;
    const key = f.local('i32');
    const value = f.local('i32');
    const page = f.local('i32');
    const offset = f.local('i32');
    forGroups(k, at.heads, (token, head) => {
      f.set(key, i32.add(rowAddress(at.key, token, at.keyTokenStride), i32.mul(head, 4 * keyLength)));
      f.set(value, i32.add(rowAddress(at.value, token, at.valueTokenStride), i32.mul(head, 4 * valueLength)));
      f.set(page, i32.mul(i32.load(i32.add(at.tokenPages, i32.shl(token, 2))), at.pageStride));
      f.set(page, i32.add(i32.add(at.pages, page), i32.mul(head, layout.headBytes)));
      f.set(offset, i32.load(i32.add(at.tokenOffsets, i32.shl(token, 2))));
      writers[format](k as unknown as KernelEmitter, shape, { key, value, page, offset });
    });
  });
}

interface Places {
  readonly key: Local<'i32'>;
  readonly value: Local<'i32'>;
  /** The head's part of the page. */
  readonly page: Local<'i32'>;
  /** The token's place in the page. */
  readonly offset: Local<'i32'>;
}

type Writer = (k: KernelEmitter, shape: KvShape, places: Places) => void;

const writeF32: Writer = ({ f }, shape, { key, value, page, offset }) => {
  const { keyLength, valueLength, pageTokens } = shape;
  const from = f.local('i32');
  const to = f.local('i32', i32.add(page, i32.shl(offset, 2)));
  f.for(from, key, i32.add(key, 4 * keyLength), 4, () => {
    f.do(f32.store(to, f32.load(from)));
    f.advance(to, 4 * pageTokens);
  });
  f.set(to, i32.add(i32.add(page, kvHeadLayout(shape).values), i32.mul(offset, 4 * valueLength)));
  f.for(from, value, i32.add(value, 4 * valueLength), 16, () => {
    f.do(v128.store(to, v128.load(from)));
    f.advance(to, 16);
  });
};

const writeF16: Writer = (k, shape, { key, value, page, offset }) => {
  const { f } = k;
  const { keyLength, valueLength, pageTokens } = shape;
  const from = f.local('i32');
  const to = f.local('i32', i32.add(page, i32.shl(offset, 1)));
  const half = f.local('v128');
  f.for(from, key, i32.add(key, 4 * keyLength), 16, () => {
    f.set(half, emitHalf(k, v128.load(from)));
    for (let lane = 0; lane < 4; lane++) f.do(v128.store16Lane(to, half, 2 * lane, 2 * pageTokens * lane));
    f.advance(to, 8 * pageTokens);
  });
  f.set(to, i32.add(i32.add(page, kvHeadLayout(shape).values), i32.mul(offset, 2 * valueLength)));
  f.for(from, value, i32.add(value, 4 * valueLength), 16, () => {
    f.set(half, emitHalf(k, v128.load(from)));
    for (let lane = 0; lane < 4; lane++) f.do(v128.store16Lane(to, half, 2 * lane, 2 * lane));
    f.advance(to, 8);
  });
};

const writeQ8: Writer = (k, shape, { key, value, page, offset }) => {
  const { f } = k;
  const { keyLength, valueLength, pageTokens } = shape;
  const layout = kvHeadLayout(shape);
  const place = (base: Expr<'i32'>) => f.local('i32', base);
  // keys: value d of this token is at d * pageTokens + offset, the scale of block b at keyScales + 4 * (b * pageTokens + offset)
  const keyAt = place(i32.add(page, offset));
  const keyScaleAt = place(i32.add(i32.add(page, layout.keyScales), i32.shl(offset, 2)));
  writeBlocks(k, key, keyLength, keyAt, pageTokens, keyScaleAt, 4 * pageTokens);
  const valueAt = place(i32.add(i32.add(page, layout.values), i32.mul(offset, valueLength)));
  const valueScaleAt = place(i32.add(i32.add(page, layout.valueScales), i32.mul(offset, 4 * kvBlocks(valueLength))));
  writeBlocks(k, value, valueLength, valueAt, 1, valueScaleAt, 4);
};

/** Quantizes a row in blocks of 32: scale = largest magnitude / 127, values rounded to the nearest. */
function writeBlocks(
  k: KernelEmitter,
  from: Local<'i32'>,
  length: number,
  to: Local<'i32'>,
  step: number,
  scaleTo: Local<'i32'>,
  scaleStep: number,
): void {
  const { f } = k;
  const start = f.local('i32');
  const stop = f.local('i32');
  const rowEnd = f.local('i32', i32.add(from, 4 * length));
  const at = f.local('i32');
  const top = f.local('v128');
  const scale = f.local('f32');
  const inverse = f.local('v128');
  const whole = f.local('v128');
  f.for(start, from, rowEnd, 4 * kvBlock, () => {
    f.set(stop, i32.add(start, 4 * kvBlock));
    f.set(stop, i32.select(i32.ltU(rowEnd, stop), rowEnd, stop));
    f.set(top, f32x4.splat(0));
    f.for(at, start, stop, 16, () => f.set(top, f32x4.max(top, f32x4.abs(v128.load(at)))));
    f.set(
      scale,
      f32.max(
        f32.max(f32x4.extractLane(top, 0), f32x4.extractLane(top, 1)),
        f32.max(f32x4.extractLane(top, 2), f32x4.extractLane(top, 3)),
      ),
    );
    f.set(scale, f32.div(scale, 127));
    f.do(f32.store(scaleTo, scale));
    f.advance(scaleTo, scaleStep);
    f.set(inverse, f32x4.splat(f32.select(f32.gt(scale, 0), f32.div(1, scale), 0)));
    f.for(at, start, stop, 16, () => {
      f.set(whole, i32x4.truncSatF32x4S(f32x4.nearest(f32x4.mul(v128.load(at), inverse))));
      for (let lane = 0; lane < 4; lane++) f.do(v128.store8Lane(to, whole, 4 * lane, step * lane));
      f.advance(to, 4 * step);
    });
  });
}

const writers: Record<KvShape['format'], Writer> = { F32: writeF32, F16: writeF16, Q8_0: writeQ8 };

const halfLargest = 65504;

/** Four floats as f16 in the low half of each lane, to nearest even; beyond the range: the largest finite value. */
function emitHalf({ f, module }: KernelEmitter, value: Expr<'v128'>): Local<'v128'> {
  const bits = f.local('v128', value);
  const sign = f.local('v128', v128.and(bits, module.splatConstantI32(-0x80000000)));
  const magnitude = f.local('v128', f32x4.min(v128.xor(bits, sign), module.splatConstantF32(halfLargest)));
  // Adding a power of two 13 bits above the value's own (at least that of the smallest normal f16) rounds away the bits f16 does not have.
  const exponent = f.local(
    'v128',
    i32x4.maxS(v128.and(magnitude, module.splatConstantI32(0x7f800000)), module.splatConstantI32(113 << 23)),
  );
  const magic = f.local('v128', i32x4.add(exponent, module.splatConstantI32(13 << 23)));
  const rounded = f.local('v128', i32x4.sub(f32x4.add(magnitude, magic), magic));
  // `rounded` counts units of the last f16 bit (0..2048); the exponent field of f16 starts at 113 and adds 1024 for each step.
  const field = i32x4.shl(i32x4.sub(i32x4.shrU(exponent, 23), module.splatConstantI32(113)), 10);
  return f.local('v128', v128.or(i32x4.add(field, rounded), i32x4.shrU(sign, 16)));
}
