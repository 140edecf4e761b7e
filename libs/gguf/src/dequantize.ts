import { StarlingError } from '@starling/core';
import type { BlockDecoder } from './formats/block-bytes.js';
import { decodeIQ4_NL, decodeIQ4_XS, decodeMXFP4, decodeNVFP4 } from './formats/fp4.decode.js';
import {
  decodeIQ1_M,
  decodeIQ1_S,
  decodeIQ2_S,
  decodeIQ2_XS,
  decodeIQ2_XXS,
  decodeIQ3_S,
  decodeIQ3_XXS,
} from './formats/iq.decode.js';
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './formats/k-quants.decode.js';
import {
  decodeQ1_0,
  decodeQ2_0,
  decodeQ4_0,
  decodeQ4_1,
  decodeQ5_0,
  decodeQ5_1,
  decodeQ8_0,
  decodeQ8_1,
  decodeQ8_K,
} from './formats/legacy.decode.js';
import {
  decodeBF16,
  decodeF16,
  decodeF32,
  decodeF64,
  decodeI16,
  decodeI32,
  decodeI64,
  decodeI8,
} from './formats/plain.decode.js';
import { decodeTQ1_0, decodeTQ2_0 } from './formats/ternary.decode.js';
import { bytesOfValues, type TensorType, type TensorTypeName } from './tensor-types.js';

const DECODERS: Readonly<Record<TensorTypeName, BlockDecoder>> = {
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBF16,
  F64: decodeF64,
  I8: decodeI8,
  I16: decodeI16,
  I32: decodeI32,
  I64: decodeI64,
  Q1_0: decodeQ1_0,
  Q2_0: decodeQ2_0,
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
  Q5_0: decodeQ5_0,
  Q5_1: decodeQ5_1,
  Q8_0: decodeQ8_0,
  Q8_1: decodeQ8_1,
  Q8_K: decodeQ8_K,
  Q2_K: decodeQ2_K,
  Q3_K: decodeQ3_K,
  Q4_K: decodeQ4_K,
  Q5_K: decodeQ5_K,
  Q6_K: decodeQ6_K,
  IQ1_S: decodeIQ1_S,
  IQ1_M: decodeIQ1_M,
  IQ2_XXS: decodeIQ2_XXS,
  IQ2_XS: decodeIQ2_XS,
  IQ2_S: decodeIQ2_S,
  IQ3_XXS: decodeIQ3_XXS,
  IQ3_S: decodeIQ3_S,
  IQ4_NL: decodeIQ4_NL,
  IQ4_XS: decodeIQ4_XS,
  MXFP4: decodeMXFP4,
  NVFP4: decodeNVFP4,
  TQ1_0: decodeTQ1_0,
  TQ2_0: decodeTQ2_0,
};

/**
 * Turns blocks into values: the definition of each format, bit for bit what llama.cpp gives. Every value is the f32 nearest to the exact
 * product (sums: one rounding more).
 * @param bytes whole blocks, little-endian
 * @param out as many values as the blocks hold
 * @throws StarlingError invalid_argument if the lengths do not match
 */
export function dequantize(type: TensorType, bytes: Uint8Array, out: Float32Array): void {
  if (bytesOfValues(type, out.length) !== bytes.length) {
    throw new StarlingError(
      'invalid_argument',
      `${bytes.length} bytes of ${type.name} do not hold ${out.length} values`,
      {
        details: { type: type.name, bytes: bytes.length, values: out.length },
      },
    );
  }
  DECODERS[type.name](bytes, out.length / type.blockSize, out);
}
