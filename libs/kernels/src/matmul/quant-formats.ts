import type { TensorTypeName } from '@starling/gguf';
import { FP4_VALUES, IQ4_VALUES } from '@starling/gguf';
import type { QuantSpec } from './quant-spec.js';

/** Codes of a table of signed values: value + offset. */
const IQ4_OFFSET = 128;
const FP4_OFFSET = 12;

const plain = (bits: QuantSpec['bits'], offset: number): QuantSpec => ({
  bits,
  blockValues: 32,
  subValues: 32,
  scale: 'f16',
  offset,
  maxCode: 2 ** bits - 1,
});
const withMinimum = (bits: QuantSpec['bits']): QuantSpec => ({ ...plain(bits, 0), minimum: true });
const superBlock = (bits: QuantSpec['bits'], subValues: 16 | 32, rest: Partial<QuantSpec>): QuantSpec => ({
  bits,
  blockValues: 256,
  subValues,
  scale: 'super',
  offset: 0,
  maxCode: 2 ** bits - 1,
  ...rest,
});
const iq4 = { table: Array.from(IQ4_VALUES, (value) => value + IQ4_OFFSET), offset: IQ4_OFFSET, maxCode: 255 } as const;

/** A look-up of a few values: the codes are the values plus the largest magnitude, the bits number them from the smallest. */
function valueTable(magnitudes: readonly number[]): Pick<QuantSpec, 'table' | 'offset' | 'maxCode'> {
  const largest = Math.max(...magnitudes);
  const values = [...magnitudes.map((magnitude) => -magnitude).reverse(), ...magnitudes];
  return {
    table: Array.from({ length: 16 }, (_, bits) => (values[bits] ?? 0) + largest),
    offset: largest,
    maxCode: 2 * largest,
  };
}

/** A codebook format: an odd scale times 2^`factorExponent` times the value of a codeword, 4 bits each. */
const codewords = (subValues: 16 | 32, factorExponent: number, magnitudes: readonly number[]): QuantSpec =>
  superBlock(4, subValues, { factorExponent, ...valueTable(magnitudes) });

/** Magnitudes in the codebooks of IQ2, IQ3 and (times 8, with their shift) IQ1. */
export const CODEWORD_MAGNITUDES = {
  IQ1: [1, 7, 9],
  IQ2: [8, 25, 43],
  IQ3_XXS: [4, 12, 20, 28, 36, 44, 52, 62],
  IQ3_S: [1, 3, 5, 7, 9, 11, 13, 15],
} as const;

const ternary = superBlock(2, 32, { offset: 1 });
const fp4 = {
  table: Array.from(FP4_VALUES, (value) => value + FP4_OFFSET),
  offset: FP4_OFFSET,
  maxCode: 2 * FP4_OFFSET,
} as const;

/** The quantized formats that have kernels. Those whose files are rewritten first are in rewrite.ts; none loses anything. */
export const QUANT_SPECS = {
  Q4_0: plain(4, 8),
  Q4_1: withMinimum(4),
  Q5_0: plain(5, 16),
  Q5_1: withMinimum(5),
  Q8_0: plain(8, 128),
  Q2_K: superBlock(2, 16, { minimum: true }),
  Q3_K: superBlock(3, 16, { signedScales: true, offset: 4 }),
  Q4_K: superBlock(4, 32, { minimum: true }),
  Q5_K: superBlock(5, 32, { minimum: true }),
  Q6_K: superBlock(6, 16, { signedScales: true, offset: 32 }),
  IQ4_NL: { ...plain(4, 0), ...iq4 },
  IQ4_XS: superBlock(4, 32, { signedScales: true, ...iq4 }),
  MXFP4: { ...plain(4, 0), scale: 'e8m0', ...fp4 },
  NVFP4: { ...plain(4, 0), subValues: 16, ...fp4 },
  IQ1_S: codewords(32, -3, CODEWORD_MAGNITUDES.IQ1),
  IQ1_M: codewords(16, -3, CODEWORD_MAGNITUDES.IQ1),
  IQ2_XXS: codewords(32, -3, CODEWORD_MAGNITUDES.IQ2),
  IQ2_XS: codewords(16, -3, CODEWORD_MAGNITUDES.IQ2),
  IQ2_S: codewords(16, -3, CODEWORD_MAGNITUDES.IQ2),
  IQ3_XXS: codewords(32, -2, CODEWORD_MAGNITUDES.IQ3_XXS),
  IQ3_S: codewords(32, 0, CODEWORD_MAGNITUDES.IQ3_S),
  TQ1_0: ternary,
  TQ2_0: ternary,
  Q1_0: plain(2, 1),
  Q2_0: plain(2, 1),
} as const satisfies Partial<Record<TensorTypeName, QuantSpec>>;

export type QuantFormatName = keyof typeof QUANT_SPECS;
