import { StarlingError } from '@starling/core';
import type { BlockEncoder } from './formats/block-encoder.js';
import { encodeIQ4_NL, encodeIQ4_XS, encodeMXFP4 } from './formats/fp4.encode.js';
import { encodeIQ2_S, encodeIQ2_XS, encodeIQ2_XXS, encodeIQ3_S, encodeIQ3_XXS } from './formats/iq.encode.js';
import { encodeIQ1_M, encodeIQ1_S } from './formats/iq1.encode.js';
import { encodeQ2_K, encodeQ3_K, encodeQ4_K, encodeQ5_K, encodeQ6_K } from './formats/k-quants.encode.js';
import { encodeQ4_0, encodeQ4_1, encodeQ5_0, encodeQ5_1, encodeQ8_0 } from './formats/legacy.encode.js';
import { encodeBF16, encodeF16, encodeF32 } from './formats/plain.encode.js';
import { encodeTQ1_0, encodeTQ2_0 } from './formats/ternary.encode.js';
import { bytesOfValues, type TensorType, type TensorTypeName } from './tensor-types.js';

const ENCODERS: Readonly<Partial<Record<TensorTypeName, BlockEncoder>>> = {
  F32: encodeF32,
  F16: encodeF16,
  BF16: encodeBF16,
  Q4_0: encodeQ4_0,
  Q4_1: encodeQ4_1,
  Q5_0: encodeQ5_0,
  Q5_1: encodeQ5_1,
  Q8_0: encodeQ8_0,
  Q2_K: encodeQ2_K,
  Q3_K: encodeQ3_K,
  Q4_K: encodeQ4_K,
  Q5_K: encodeQ5_K,
  Q6_K: encodeQ6_K,
  IQ1_S: encodeIQ1_S,
  IQ1_M: encodeIQ1_M,
  IQ2_XXS: encodeIQ2_XXS,
  IQ2_XS: encodeIQ2_XS,
  IQ2_S: encodeIQ2_S,
  IQ3_XXS: encodeIQ3_XXS,
  IQ3_S: encodeIQ3_S,
  IQ4_NL: encodeIQ4_NL,
  IQ4_XS: encodeIQ4_XS,
  MXFP4: encodeMXFP4,
  TQ1_0: encodeTQ1_0,
  TQ2_0: encodeTQ2_0,
};

/** Whether `quantize` can make this type. */
export function canQuantize(type: TensorType): boolean {
  return ENCODERS[type.name] !== undefined;
}

/**
 * Turns rows of values into blocks of a type, with the least square error that a fast search finds.
 * @param values whole rows, one after the other
 * @param rowLength values in a row, a multiple of the type's block size
 * @param out exactly the bytes that the values take in this type
 * @param importance what the square error of each value of a row counts (finite, not negative): of a model's matrix the mean square of
 *   what its column is multiplied by, see `ImportanceMatrix`. Without it all values count the same. F16, BF16, TQ1_0 and TQ2_0 know one way only
 * @throws StarlingError invalid_argument if the lengths do not match, a value is not finite, or nothing makes this type
 */
export function quantize(
  type: TensorType,
  values: Float32Array,
  rowLength: number,
  out: Uint8Array,
  importance?: Float32Array,
): void {
  const encode = ENCODERS[type.name];
  if (encode === undefined) {
    throw new StarlingError(
      'invalid_argument',
      `${type.name} cannot be made here; these types can: ${Object.keys(ENCODERS).join(', ')}`,
      { details: { type: type.name } },
    );
  }
  bytesOfValues(type, rowLength);
  if (values.length % rowLength !== 0 || out.length !== bytesOfValues(type, values.length)) {
    throw new StarlingError(
      'invalid_argument',
      `${values.length} values in rows of ${rowLength} do not fill ${out.length} bytes of ${type.name}`,
      {
        details: { type: type.name, values: values.length, rowLength, bytes: out.length },
      },
    );
  }
  if (importance !== undefined) checkImportance(importance, rowLength);
  encode(values, values.length / type.blockSize, out, importance);
}

function checkImportance(importance: Float32Array, rowLength: number): void {
  if (importance.length !== rowLength)
    throw new StarlingError(
      'invalid_argument',
      `the importance of ${importance.length} values was given for rows of ${rowLength}`,
      { details: { importance: importance.length, rowLength } },
    );
  const at = importance.findIndex((value) => !(value >= 0 && value < Infinity));
  if (at >= 0)
    throw new StarlingError(
      'invalid_argument',
      `the importance of value ${at} is ${importance[at]}, where a finite number that is not negative is expected`,
      { details: { index: at } },
    );
}
