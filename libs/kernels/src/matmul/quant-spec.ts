/*
 * Quantized formats as the kernels see them.
 *
 * A matrix is cut into panels of 8 rows; a panel is a run of blocks of 32 or 256 columns. Wherever a panel has a vector, it has two
 * side by side, the halves: 32-bit lane r of half h belongs to row 4 h + r. (So an engine that knows vectors of 256 bits can take both
 * at once.) A group is 32 columns of a panel, a step 4 columns: in each half one vector of 16 weights of 8 bits.
 *
 * Block of a panel, in bytes (G groups of 32 columns, S scales for each row, b bits a weight):
 *
 * | bytes | content |
 * |---|---|
 * | 16 (f16: for each sub-block), 32 (super), 8 (e8m0) | the eight rows' factors: half floats, floats, bytes |
 * | 16 (f16), 32 (super), with minimum only | the eight rows' factors of the minima |
 * | 8 S (super only) | scales, 1 byte each: word r of pair i is row r's scales 4 i .. 4 i + 3 |
 * | 8 S (super with minimum only) | minima, likewise |
 * | G * 32 b | weights: each group is b pairs of vectors, laid out as in bit-layout.ts |
 *
 * Bytes that are needed first stand first: what prefetches memory in a processor follows runs. Super factors are kept as floats because
 * as half floats they are often denormal, which processors are slow to convert.
 */

/** Where the scale of a run of weights comes from. */
export type ScaleKind = 'f16' | 'e8m0' | 'super';

/**
 * weight = scale * (code - offset) + minimum, where code = table ? table[bits] : bits.
 * `super` scales are a factor for 256 columns times one byte for each `subValues` columns.
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
  /** The power of two that the file's factors are multiplied by, 0 by default. */
  readonly factorExponent?: number;
}

/** Rows of a panel, and of each of its halves: the lanes of a vector. */
export const PANEL_ROWS = 8;
export const HALF_ROWS = 4;
export const HALVES = PANEL_ROWS / HALF_ROWS;
/** Bytes of a pair of vectors. */
export const PAIR_BYTES = 16 * HALVES;
/** Columns of a group, and of a block of quantized activations. */
export const GROUP_VALUES = 32;
/** Columns of a step: 4 weights of each of 4 rows are a vector. */
export const STEP_VALUES = 4;
export const GROUP_STEPS = GROUP_VALUES / STEP_VALUES;

/** Bytes of one group's weights in a panel. */
export function groupBytes(spec: QuantSpec): number {
  return PAIR_BYTES * spec.bits;
}

/** Where the parts of a panel's block begin, and its length. */
export interface BlockLayout {
  readonly groups: number;
  readonly subs: number;
  readonly minimumFactor: number;
  readonly subScales: number;
  readonly subMinima: number;
  readonly codes: number;
  readonly bytes: number;
}

export function blockLayout(spec: QuantSpec): BlockLayout {
  const groups = spec.blockValues / GROUP_VALUES;
  const subs = spec.blockValues / spec.subValues;
  const factorBytes = { e8m0: PANEL_ROWS, f16: 2 * PANEL_ROWS * subs, super: 4 * PANEL_ROWS };
  const subBytes = spec.scale === 'super' ? PANEL_ROWS * subs : 0;
  const minimumFactor = factorBytes[spec.scale];
  const subScales = minimumFactor + (spec.minimum ? factorBytes[spec.scale] : 0);
  const subMinima = subScales + subBytes;
  const codes = subMinima + (spec.minimum ? subBytes : 0);
  return { groups, subs, minimumFactor, subScales, subMinima, codes, bytes: codes + groups * groupBytes(spec) };
}

/** Bytes of a panel of `cols` columns. */
export function panelBytes(spec: QuantSpec, cols: number): number {
  return (cols / spec.blockValues) * blockLayout(spec).bytes;
}
