import type { TensorTypeName } from '@starling/gguf';
import { FP4_VALUES, IQ4_VALUES } from '@starling/gguf';
import type { QuantSpec } from './quant-spec.js';

/** Codes of a table of signed values: value + offset. */
const IQ4_OFFSET = 128;
const FP4_OFFSET = 12;

const plain = (bits: QuantSpec['bits'], offset: number): QuantSpec => ({ bits, blockValues: 32, subValues: 32, scale: 'f16', offset, maxCode: 2 ** bits - 1 });
const withMinimum = (bits: QuantSpec['bits']): QuantSpec => ({ ...plain(bits, 0), minimum: true });
const superBlock = (bits: QuantSpec['bits'], subValues: 16 | 32, rest: Partial<QuantSpec>): QuantSpec => ({
  bits, blockValues: 256, subValues, scale: 'super', offset: 0, maxCode: 2 ** bits - 1, ...rest,
});
const iq4 = { table: Array.from(IQ4_VALUES, (value) => value + IQ4_OFFSET), offset: IQ4_OFFSET, maxCode: 255 } as const;

/** The quantized formats that have kernels. */
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
  MXFP4: { ...plain(4, 0), scale: 'e8m0', table: Array.from(FP4_VALUES, (value) => value + FP4_OFFSET), offset: FP4_OFFSET, maxCode: 2 * FP4_OFFSET },
} as const satisfies Partial<Record<TensorTypeName, QuantSpec>>;

export type QuantFormatName = keyof typeof QUANT_SPECS;
