import { assert } from '@starling/core';
import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { i16x8, v128 } from '../wasm/simd-ops.js';
import type { ConstantPool } from './constant-pool.js';
import { GROUP_STEPS, PAIR_BYTES } from './quant-spec.js';

/** Bits of a step's codes that lie in a vector: code |= (vector >> shift) & mask. */
interface Piece {
  readonly vector: number;
  readonly shift: number;
  readonly mask: number;
}

/** Steps that are read from the same vectors, and which vectors these are. */
interface Chunk {
  readonly vectors: readonly number[];
  readonly steps: readonly (readonly Piece[])[];
}

const piece = (vector: number, shift: number, mask: number): Piece => ({ vector, shift, mask });

/**
 * How the 8 steps of a group lie in `bits` vectors, chosen so that few instructions take them out: codes stand whole in a vector
 * as far as they fit, and the bits left over hold the remaining codes in parts. The 16 columns of a half group never share a
 * chunk with the other half's unless the chunk is the whole group, and then come first.
 */
export const BIT_LAYOUTS: Readonly<Record<2 | 3 | 4 | 5 | 6 | 8, readonly Chunk[]>> = {
  2: [0, 1].map((v) => ({ vectors: [v], steps: [0, 2, 4, 6].map((shift) => [piece(v, shift, 3)]) })),
  3: [
    {
      vectors: [0, 1, 2],
      steps: [
        [piece(0, 0, 7)],
        [piece(0, 3, 7)],
        [piece(1, 0, 7)],
        [piece(0, 6, 3), piece(1, 4, 4)],
        [piece(1, 3, 7)],
        [piece(2, 0, 7)],
        [piece(2, 3, 7)],
        [piece(2, 6, 3), piece(1, 5, 4)],
      ],
    },
  ],
  4: [0, 1, 2, 3].map((v) => ({ vectors: [v], steps: [[piece(v, 0, 15)], [piece(v, 4, 15)]] })),
  5: [
    {
      vectors: [0, 1, 2, 3, 4],
      steps: [
        ...[0, 1, 2, 3, 4].map((v) => [piece(v, 0, 31)]),
        [piece(0, 5, 7), piece(1, 2, 24)],
        [piece(2, 5, 7), piece(3, 2, 24)],
        [piece(4, 5, 7), piece(1, 4, 8), piece(3, 3, 16)],
      ],
    },
  ],
  6: [0, 3].map((v) => ({
    vectors: [v, v + 1, v + 2],
    steps: [
      [piece(v, 0, 63)],
      [piece(v + 1, 0, 63)],
      [piece(v + 2, 0, 63)],
      [piece(v, 6, 3), piece(v + 1, 4, 12), piece(v + 2, 2, 48)],
    ],
  })),
  8: [0, 1, 2, 3, 4, 5, 6, 7].map((v) => ({ vectors: [v], steps: [[piece(v, 0, 255)]] })),
};

/**
 * The codes of one chunk as expressions, to be used once each, in order. Emits the loads.
 * @param temporaries as many locals as the chunk has vectors
 * @param offset of the group from the address, plus 16 for the second half
 */
export function unpackChunk(
  f: CodeBuilder,
  constants: ConstantPool,
  chunk: Chunk,
  temporaries: readonly Local<'v128'>[],
  address: Local<'i32'>,
  offset: number,
): Expr<'v128'>[] {
  const places = new Map(chunk.vectors.map((vector, i) => [vector, temporaries[i]]));
  const single = chunk.steps.length === 1;
  if (!single) for (const [vector, local] of places) f.set(local, v128.load(address, offset + PAIR_BYTES * vector));
  return chunk.steps.map((pieces) =>
    pieces
      .map(({ vector, shift, mask }) => {
        const local = places.get(vector);
        assert(local !== undefined, 'a chunk names the vectors of its pieces');
        const whole = single ? v128.load(address, offset + PAIR_BYTES * vector) : local;
        const shifted = shift === 0 ? whole : i16x8.shrU(whole, shift);
        return mask === 255 ? shifted : v128.and(shifted, constants.bytes(mask));
      })
      .reduce((a, b) => v128.or(a, b)),
  );
}

/** Constants that `unpackChunk` will ask for. */
export function layoutMasks(bits: keyof typeof BIT_LAYOUTS): number[] {
  const masks = BIT_LAYOUTS[bits].flatMap(({ steps }) => steps.flatMap((pieces) => pieces.map(({ mask }) => mask)));
  return [...new Set(masks)].filter((mask) => mask !== 255);
}

/** Emits the stores of one group of a half: the inverse of reading its chunks. @param steps (8) vectors of codes */
export function packGroup(
  f: CodeBuilder,
  constants: ConstantPool,
  bits: keyof typeof BIT_LAYOUTS,
  steps: readonly Local<'v128'>[],
  address: Local<'i32'>,
  offset: number,
): void {
  const parts = new Map<number, Expr<'v128'>[]>();
  let step = 0;
  for (const chunk of BIT_LAYOUTS[bits]) {
    for (const pieces of chunk.steps) {
      for (const { vector, shift, mask } of pieces) {
        const kept =
          bits === 8 ? steps[step] : v128.and(shiftRight(steps[step], -shift), constants.bytes((mask << shift) & 255));
        parts.set(vector, [...(parts.get(vector) ?? []), kept]);
      }
      step++;
    }
  }
  assert(step === GROUP_STEPS, 'a layout has the steps of a group');
  for (const [vector, exprs] of parts)
    f.do(
      v128.store(
        address,
        exprs.reduce((a, b) => v128.or(a, b)),
        offset + PAIR_BYTES * vector,
      ),
    );
}

function shiftRight(vector: Expr<'v128'>, by: number): Expr<'v128'> {
  if (by === 0) return vector;
  return by > 0 ? i16x8.shrU(vector, by) : i16x8.shl(vector, -by);
}
