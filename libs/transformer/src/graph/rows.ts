import { alignUp } from '@starling/core';
import type { Placed } from '@starling/kernels';
import { offsetPlace, Place } from './placement.js';

/** What the rows of a buffer belong to: the tokens of a step, the rows whose results are wanted, or rows of logits. */
export type RowKind = 'tokens' | 'outputs' | 'head';

/** Rows of activations in memory: the same address in each memory, so that each range of layers has its own. */
export class RowBuffer {
  readonly place: Place;

  constructor(
    readonly name: string,
    readonly kind: RowKind,
    readonly rowBytes: number,
  ) {
    this.place = new Place(name);
  }
}

/** Some columns of a buffer of floats: (rows, columns), `stride` bytes from row to row. */
export interface Rows {
  readonly buffer: RowBuffer;
  readonly at: Placed;
  readonly stride: number;
  readonly columns: number;
}

/** Bytes of a row of floats, kept to whole vectors. */
export const floatRowBytes = (columns: number): number => alignUp(4 * columns, 64);

/** All columns of a buffer. */
export function wholeRows(buffer: RowBuffer, columns: number): Rows {
  return { buffer, at: buffer.place, stride: buffer.rowBytes, columns };
}

/** Columns [first, first + columns). */
export function columnsOf(rows: Rows, first: number, columns: number): Rows {
  return { buffer: rows.buffer, at: offsetPlace(rows.at, 4 * first), stride: rows.stride, columns };
}
