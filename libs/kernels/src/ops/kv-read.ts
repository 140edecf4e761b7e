import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import type { KernelEmitter } from './kernel-definition.js';
import { kvBlock, kvBlocks, kvHeadLayout, type KvShape } from './kv-layout.js';

/** Where attention finds the keys (keyLength, pageTokens) and values (pageTokens, valueLength) of one head and page as floats. */
export interface FloatPage {
  readonly keys: Local<'i32'>;
  readonly values: Local<'i32'>;
}

/** Floats that a page of one head takes once it is unpacked; 0 for F32, which is used in place. */
export function unpackedBytes({ format, pageTokens, keyLength, valueLength }: KvShape): number {
  return format === 'F32' ? 0 : 4 * pageTokens * (keyLength + valueLength);
}

/** Emits code that makes the part of a page at `source` readable as floats, at `scratch` if it has to be unpacked. */
export function emitReadPage(
  k: KernelEmitter,
  shape: KvShape,
  source: Local<'i32'>,
  scratch: Local<'i32'>,
  page: FloatPage,
): void {
  const { f } = k;
  const layout = kvHeadLayout(shape);
  if (shape.format === 'F32') {
    f.set(page.keys, source);
    f.set(page.values, i32.add(source, layout.values));
    return;
  }
  const { keyLength, valueLength, pageTokens } = shape;
  f.set(page.keys, scratch);
  f.set(page.values, i32.add(scratch, 4 * keyLength * pageTokens));
  const from = f.local('i32');
  if (shape.format === 'F16') {
    f.set(from, source);
    unpackHalves(k, from, page.keys, keyLength * pageTokens);
    f.set(from, i32.add(source, layout.values));
    unpackHalves(k, from, page.values, valueLength * pageTokens);
    return;
  }
  f.set(from, source);
  unpackKeys(k, shape, from, i32.add(source, layout.keyScales), page.keys);
  f.set(from, i32.add(source, layout.values));
  unpackValues(k, shape, from, i32.add(source, layout.valueScales), page.values);
}

/**
 * f16 to f32: the exponent and fraction moved into place and scaled by 2^112, exact for subnormals too. The load extends the sign,
 * whose copies the mask clears but for the top one.
 */
function unpackHalves({ f, float, int }: KernelEmitter, from: Local<'i32'>, to: Local<'i32'>, count: number): void {
  const target = f.local('i32', to);
  const end = f.local('i32', i32.add(to, 4 * count));
  f.while(i32.ltU(target, end), () => {
    for (let part = 0; part < 2; part++) {
      const wide = i32x4.shl(v128.load16x4S(from, 8 * part), 13);
      f.do(v128.store(target, f32x4.mul(v128.and(wide, int(0x8fffffff | 0)), float(2 ** 112)), 16 * part));
    }
    f.advance(from, 16);
    f.advance(target, 32);
  });
}

/** Four bytes at an address as floats: each moved to the top of its lane, then shifted down with its sign. */
function bytesAsFloats(address: Local<'i32'>): Expr<'v128'> {
  const four = v128.load32Zero(address);
  const tops = i8x16.shuffle(four, four, [15, 15, 15, 0, 15, 15, 15, 1, 15, 15, 15, 2, 15, 15, 15, 3]);
  return f32x4.convertI32x4S(i32x4.shrS(tops, 24));
}

function unpackKeys(
  { f }: KernelEmitter,
  { keyLength, pageTokens }: KvShape,
  from: Local<'i32'>,
  scales: Expr<'i32'>,
  to: Local<'i32'>,
): void {
  const scaleRow = f.local('i32', scales);
  const target = f.local('i32', to);
  const rowEnd = f.local('i32');
  const offset = f.local('i32');
  const blockEnd = f.local('i32');
  const block = f.local('i32');
  f.for(block, 0, kvBlocks(keyLength), 1, () => {
    f.set(
      blockEnd,
      i32.select(i32.eq(block, kvBlocks(keyLength) - 1), keyLength - kvBlock * (kvBlocks(keyLength) - 1), kvBlock),
    );
    f.set(rowEnd, i32.add(target, i32.mul(blockEnd, 4 * pageTokens)));
    f.while(i32.ltU(target, rowEnd), () => {
      f.for(offset, 0, 4 * pageTokens, 16, () => {
        f.do(v128.store(i32.add(target, offset), f32x4.mul(bytesAsFloats(from), v128.load(i32.add(scaleRow, offset)))));
        f.advance(from, 4);
      });
      f.advance(target, 4 * pageTokens);
    });
    f.advance(scaleRow, 4 * pageTokens);
  });
}

function unpackValues(
  { f }: KernelEmitter,
  { valueLength, pageTokens }: KvShape,
  from: Local<'i32'>,
  scales: Expr<'i32'>,
  to: Local<'i32'>,
): void {
  const scaleAt = f.local('i32', scales);
  const target = f.local('i32', to);
  const rowEnd = f.local('i32');
  const blockEnd = f.local('i32');
  const end = f.local('i32', i32.add(to, 4 * pageTokens * valueLength));
  const scale = f.local('v128');
  f.while(i32.ltU(target, end), () => {
    f.set(rowEnd, i32.add(target, 4 * valueLength));
    f.while(i32.ltU(target, rowEnd), () => {
      f.set(scale, v128.load32Splat(scaleAt));
      f.set(blockEnd, i32.add(target, 4 * kvBlock));
      f.set(blockEnd, i32.select(i32.ltU(rowEnd, blockEnd), rowEnd, blockEnd));
      f.while(i32.ltU(target, blockEnd), () => {
        f.do(v128.store(target, f32x4.mul(bytesAsFloats(from), scale)));
        f.advance(from, 4);
        f.advance(target, 16);
      });
      f.advance(scaleAt, 4);
    });
  });
}
