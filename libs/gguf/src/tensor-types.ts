import { StarlingError } from '@starling/core';

/** How the values of a tensor are laid out: a row is a run of blocks of `blockSize` values in `blockBytes` bytes each. */
export interface TensorType {
  /** The number that stands for the type in a file. */
  readonly id: number;
  readonly name: TensorTypeName;
  /** Values in one block; a row's length is a multiple of it. */
  readonly blockSize: number;
  /** Bytes of one block. */
  readonly blockBytes: number;
}

/** All tensor types of the format, as llama.cpp v0.5.0 defines them: name, [id, values in a block, bytes of a block]. */
const LAYOUTS = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q4_1: [3, 32, 20],
  Q5_0: [6, 32, 22],
  Q5_1: [7, 32, 24],
  Q8_0: [8, 32, 34],
  Q8_1: [9, 32, 36],
  Q2_K: [10, 256, 84],
  Q3_K: [11, 256, 110],
  Q4_K: [12, 256, 144],
  Q5_K: [13, 256, 176],
  Q6_K: [14, 256, 210],
  Q8_K: [15, 256, 292],
  IQ2_XXS: [16, 256, 66],
  IQ2_XS: [17, 256, 74],
  IQ3_XXS: [18, 256, 98],
  IQ1_S: [19, 256, 50],
  IQ4_NL: [20, 32, 18],
  IQ3_S: [21, 256, 110],
  IQ2_S: [22, 256, 82],
  IQ4_XS: [23, 256, 136],
  I8: [24, 1, 1],
  I16: [25, 1, 2],
  I32: [26, 1, 4],
  I64: [27, 1, 8],
  F64: [28, 1, 8],
  IQ1_M: [29, 256, 56],
  BF16: [30, 1, 2],
  TQ1_0: [34, 256, 54],
  TQ2_0: [35, 256, 66],
  MXFP4: [39, 32, 17],
  NVFP4: [40, 64, 36],
  Q1_0: [41, 128, 18],
  Q2_0: [42, 64, 18],
} as const;

/** The name of a tensor type, as llama.cpp writes it. */
export type TensorTypeName = keyof typeof LAYOUTS;

/** Ids that older files may carry and that no program reads any more. */
const REMOVED: ReadonlyMap<number, string> = new Map([
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [36, 'IQ4_NL_4_4'],
  [37, 'IQ4_NL_4_8'],
  [38, 'IQ4_NL_8_8'],
]);

/** All tensor types by name, in the order of their ids. */
export const TENSOR_TYPES: Readonly<Record<TensorTypeName, TensorType>> = Object.freeze(
  Object.fromEntries(
    Object.entries(LAYOUTS)
      .sort(([, a], [, b]) => a[0] - b[0])
      .map(([name, [id, blockSize, blockBytes]]) => [name, Object.freeze({ id, name, blockSize, blockBytes })]),
  ) as Record<TensorTypeName, TensorType>,
);

const byId: ReadonlyMap<number, TensorType> = new Map(Object.values(TENSOR_TYPES).map((type) => [type.id, type]));

/** The tensor type with this id, or undefined. */
export function tensorTypeById(id: number): TensorType | undefined {
  return byId.get(id);
}

/** The tensor type with this name (any case), or undefined. */
export function tensorTypeByName(name: string): TensorType | undefined {
  const upper = name.toUpperCase();
  return Object.hasOwn(TENSOR_TYPES, upper) ? TENSOR_TYPES[upper as TensorTypeName] : undefined;
}

/** The name that an id had before it was taken out of the format, or undefined. */
export function removedTensorTypeName(id: number): string | undefined {
  return REMOVED.get(id);
}

/**
 * Bytes of `count` values of a type.
 * @throws StarlingError invalid_argument if `count` is not a multiple of the type's block size
 */
export function bytesOfValues(type: TensorType, count: number): number {
  if (!Number.isSafeInteger(count) || count < 0 || count % type.blockSize !== 0) {
    throw new StarlingError(
      'invalid_argument',
      `${type.name} holds values in blocks of ${type.blockSize}; ${count} values do not fill whole blocks`,
      {
        details: { type: type.name, blockSize: type.blockSize, count },
      },
    );
  }
  return (count / type.blockSize) * type.blockBytes;
}
