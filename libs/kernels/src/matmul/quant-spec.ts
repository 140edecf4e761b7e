/*
 * Quantized formats as the kernels see them.
 *
 * A matrix is cut into panels of 4 rows; a panel is a run of blocks of 32 or 256 columns. All vectors of a panel hold 4 rows:
 * 32-bit lane r belongs to row r. A group is 32 columns of a panel, a step 4 columns: one vector of 16 weights of 8 bits.
 *
 * Block of a panel, in bytes (G groups of 32 columns, S scales for each row, b bits a weight):
 *
 * | bytes | content |
 * |---|---|
 * | G * 16 b | weights: each group is b vectors, laid out as in bit-layout.ts |
 * | 4 S (super only) | scales, 1 byte each: word r of vector i is row r's scales 4 i .. 4 i + 3 |
 * | 4 S (super with minimum only) | minima, likewise |
 * | 8 (f16, super), 4 (e8m0) | the four rows' factors |
 * | 8 (with minimum only) | the four rows' factors of the minima, f16 |
 */

/** Where the scale of a run of weights comes from. */
export type ScaleKind = 'f16' | 'e8m0' | 'super';

/**
 * weight = scale * (code - offset) + minimum, where code = table ? table[bits] : bits.
 * `super` scales are a f16 factor for 256 columns times one byte for each `subValues` columns.
 */
export interface QuantSpec {
  readonly bits: 2 | 3 | 4 | 5 | 6 | 8;
  readonly blockValues: 32 | 256;
  /** Columns that share a scale. */
  readonly subValues: 16 | 32;
  readonly scale: ScaleKind;
  /** Whether the bytes of a super scale are signed. */
  readonly signedScales?: boolean;
  readonly minimum?: boolean;
  readonly offset: number;
  /** The largest code. */
  readonly maxCode: number;
  /** Codes by the bits stored, 16 of them. */
  readonly table?: readonly number[];
}

/** Rows of a panel. */
export const PANEL_ROWS = 4;
/** Columns of a group, and of a block of quantized activations. */
export const GROUP_VALUES = 32;
/** Columns of a step: 4 weights of each of 4 rows are a vector. */
export const STEP_VALUES = 4;
export const GROUP_STEPS = GROUP_VALUES / STEP_VALUES;

/** Bytes of one group's weights in a panel. */
export function groupBytes(spec: QuantSpec): number {
  return 16 * spec.bits;
}

/** Where the parts of a panel's block begin, and its length. */
export interface BlockLayout {
  readonly groups: number;
  readonly subs: number;
  readonly subScales: number;
  readonly subMinima: number;
  readonly factor: number;
  readonly minimumFactor: number;
  readonly bytes: number;
}

export function blockLayout(spec: QuantSpec): BlockLayout {
  const groups = spec.blockValues / GROUP_VALUES;
  const subs = spec.blockValues / spec.subValues;
  const subBytes = spec.scale === 'super' ? PANEL_ROWS * subs : 0;
  const subScales = groups * groupBytes(spec);
  const subMinima = subScales + subBytes;
  const factor = subMinima + (spec.minimum ? subBytes : 0);
  const minimumFactor = factor + (spec.scale === 'e8m0' ? 4 : 8);
  return { groups, subs, subScales, subMinima, factor, minimumFactor, bytes: minimumFactor + (spec.minimum ? 8 : 0) };
}

/** Bytes of a panel of `cols` columns. */
export function panelBytes(spec: QuantSpec, cols: number): number {
  return (cols / spec.blockValues) * blockLayout(spec).bytes;
}
