import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, i16x8, i32x4, v128 } from '../wasm/simd-ops.js';
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

/** Bytes that are unpacked at a time: 8, which V8 joins to one vector, where rows are as long; otherwise 4. */
const bytesAtOnce = (length: number): 4 | 8 => (length % 8 === 0 ? 8 : 4);

/** Emits code that makes so many bytes at an address floats, each vector of four times its scales, and stores them side by side. */
function unpackBytes(
  { f }: KernelEmitter,
  count: 4 | 8,
  from: Local<'i32'>,
  scales: (vector: number) => Expr<'v128'>,
  to: Expr<'i32'>,
): void {
  const address = f.local('i32', to);
  const words = f.local('v128', count === 8 ? v128.load8x8S(from) : i16x8.extendLowI8x16S(v128.load32Zero(from)));
  const halves = [i32x4.extendLowI16x8S(words), i32x4.extendHighI16x8S(words)].slice(0, count / 4);
  const floats = halves.map((half, i) => f.local('v128', f32x4.mul(f32x4.convertI32x4S(half), scales(i))));
  floats.forEach((four, i) => f.do(v128.store(address, four, 16 * i)));
}

function unpackKeys(
  k: KernelEmitter,
  { keyLength, pageTokens }: KvShape,
  from: Local<'i32'>,
  scales: Expr<'i32'>,
  to: Local<'i32'>,
): void {
  const { f } = k;
  const count = bytesAtOnce(pageTokens);
  const scaleRow = f.local('i32', scales);
  const target = f.local('i32', to);
  const rowEnd = f.local('i32');
  const offset = f.local('i32');
  const blockEnd = f.local('i32');
  const block = f.local('i32');
  const scalesAt = f.local('i32');
  f.for(block, 0, kvBlocks(keyLength), 1, () => {
    f.set(
      blockEnd,
      i32.select(i32.eq(block, kvBlocks(keyLength) - 1), keyLength - kvBlock * (kvBlocks(keyLength) - 1), kvBlock),
    );
    f.set(rowEnd, i32.add(target, i32.mul(blockEnd, 4 * pageTokens)));
    f.while(i32.ltU(target, rowEnd), () => {
      f.for(offset, 0, 4 * pageTokens, 4 * count, () => {
        f.set(scalesAt, i32.add(scaleRow, offset));
        unpackBytes(k, count, from, (vector) => v128.load(scalesAt, 16 * vector), i32.add(target, offset));
        f.advance(from, count);
      });
      f.advance(target, 4 * pageTokens);
    });
    f.advance(scaleRow, 4 * pageTokens);
  });
}

function unpackValues(
  k: KernelEmitter,
  { valueLength, pageTokens }: KvShape,
  from: Local<'i32'>,
  scales: Expr<'i32'>,
  to: Local<'i32'>,
): void {
  const { f } = k;
  const count = bytesAtOnce(valueLength);
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
        unpackBytes(k, count, from, () => scale, target);
        f.advance(from, count);
        f.advance(target, 4 * count);
      });
      f.advance(scaleAt, 4);
    });
  });
}
