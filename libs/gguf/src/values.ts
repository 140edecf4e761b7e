import type { PackedStrings } from '@starling/core';

/** A metadata array of numbers. */
export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/**
 * A metadata value. 64-bit scalars are numbers when safe, else bigints; an array of strings is a PackedStrings; an array of
 * numbers is the typed array of its element type.
 */
export type GgufValue = number | bigint | boolean | string | PackedStrings | NumberArray | boolean[] | GgufValue[];

/** The scalar types of metadata. */
export type ScalarType =
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'u32'
  | 'i32'
  | 'f32'
  | 'bool'
  | 'string'
  | 'u64'
  | 'i64'
  | 'f64';

/** The type of a metadata value: a scalar, an array of scalars, or an array of arrays with the type of each. */
export type ValueType = ScalarType | { readonly array: ScalarType } | { readonly arrays: readonly ValueType[] };

/** The id that marks an array in a file. */
export const ARRAY_TYPE_ID = 9;

/** Scalar types by their id in a file; a hole is the array type. */
export const SCALAR_TYPES: readonly (ScalarType | undefined)[] = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'f32',
  'bool',
  'string',
  undefined,
  'u64',
  'i64',
  'f64',
];

/** Bytes of a scalar; a string has no fixed size. */
export const SCALAR_BYTES: Readonly<Record<Exclude<ScalarType, 'string'>, 1 | 2 | 4 | 8>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  u64: 8,
  i64: 8,
  f64: 8,
};

/** Makes the typed array that holds `length` elements of a numeric scalar type. */
export const NUMBER_ARRAYS: Readonly<
  Record<Exclude<ScalarType, 'string' | 'bool'>, new (length: number) => NumberArray>
> = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  f64: Float64Array,
};

/** A type in words, for messages: `u32`, `array of string`. */
export function describeType(type: ValueType): string {
  if (typeof type === 'string') return type;
  return 'array' in type ? `array of ${type.array}` : 'array of arrays';
}
