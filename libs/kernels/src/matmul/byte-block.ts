import { i32 } from '../wasm/scalar-ops.js';
import { v128 } from '../wasm/simd-ops.js';
import type { FileBlock } from './file-blocks.js';
import type { QuantSpec } from './quant-spec.js';

/**
 * The form that blocks of a file are rewritten in if they cannot be packed as they stand: every code in a byte of its own.
 *
 * | bytes | content |
 * |---|---|
 * | 2 (f16: for each sub-block) | f16 factors |
 * | 1 for each sub-block (super only) | scales |
 * | 1 for each column | codes, or their places in the table |
 */
export interface ByteBlockLayout {
  readonly subs: number;
  readonly scales: number;
  readonly codes: number;
  readonly bytes: number;
}

export function byteBlockLayout(spec: QuantSpec): ByteBlockLayout {
  const subs = spec.blockValues / spec.subValues;
  const scales = spec.scale === 'super' ? 2 : 2 * subs;
  const codes = scales + (spec.scale === 'super' ? subs : 0);
  return { subs, scales, codes, bytes: codes + spec.blockValues };
}

/** How rewritten blocks are packed. */
export function byteBlock(spec: QuantSpec): FileBlock {
  const layout = byteBlockLayout(spec);
  return {
    values: spec.blockValues,
    bytes: layout.bytes,
    codes: (_, block, group) => [
      v128.load(block, layout.codes + 32 * group),
      v128.load(block, layout.codes + 32 * group + 16),
    ],
    factor: (block, sub) => i32.load16U(block, 2 * sub),
    ...(spec.scale === 'super' ? { subScale: (block, sub) => i32.load8U(block, layout.scales + sub) } : {}),
  };
}
