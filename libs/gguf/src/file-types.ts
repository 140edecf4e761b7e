import type { TensorTypeName } from './tensor-types.js';

/** A kind of file that `quantizeModel` makes: the name of a mix, as llama.cpp calls it. `MXFP4` is ours: every matrix in that type. */
export type FileTypeName = keyof typeof FILE_TYPES;

/** A mix: the number it has in `general.file_type`, and the type most of its tensors get. */
export interface FileType {
  readonly id: number;
  readonly base: TensorTypeName;
}

/** The mixes that can be made. */
export const FILE_TYPES = {
  F32: { id: 0, base: 'F32' },
  F16: { id: 1, base: 'F16' },
  BF16: { id: 32, base: 'BF16' },
  Q4_0: { id: 2, base: 'Q4_0' },
  Q4_1: { id: 3, base: 'Q4_1' },
  Q5_0: { id: 8, base: 'Q5_0' },
  Q5_1: { id: 9, base: 'Q5_1' },
  Q8_0: { id: 7, base: 'Q8_0' },
  Q2_K: { id: 10, base: 'Q2_K' },
  Q2_K_S: { id: 21, base: 'Q2_K' },
  Q3_K_S: { id: 11, base: 'Q3_K' },
  Q3_K_M: { id: 12, base: 'Q3_K' },
  Q3_K_L: { id: 13, base: 'Q3_K' },
  Q4_K_S: { id: 14, base: 'Q4_K' },
  Q4_K_M: { id: 15, base: 'Q4_K' },
  Q5_K_S: { id: 16, base: 'Q5_K' },
  Q5_K_M: { id: 17, base: 'Q5_K' },
  Q6_K: { id: 18, base: 'Q6_K' },
  IQ1_S: { id: 24, base: 'IQ1_S' },
  IQ1_M: { id: 31, base: 'IQ1_M' },
  IQ2_XXS: { id: 19, base: 'IQ2_XXS' },
  IQ2_XS: { id: 20, base: 'IQ2_XS' },
  IQ2_S: { id: 28, base: 'IQ2_XS' },
  IQ2_M: { id: 29, base: 'IQ2_S' },
  IQ3_XXS: { id: 23, base: 'IQ3_XXS' },
  IQ3_XS: { id: 22, base: 'IQ3_S' },
  IQ3_S: { id: 26, base: 'IQ3_S' },
  IQ3_M: { id: 27, base: 'IQ3_S' },
  IQ4_NL: { id: 25, base: 'IQ4_NL' },
  IQ4_XS: { id: 30, base: 'IQ4_XS' },
  TQ1_0: { id: 36, base: 'TQ1_0' },
  TQ2_0: { id: 37, base: 'TQ2_0' },
  MXFP4_MOE: { id: 38, base: 'MXFP4' },
  MXFP4: { id: 38, base: 'MXFP4' },
} as const satisfies Record<string, FileType>;

const ALIASES: Readonly<Record<string, FileTypeName>> = { Q3_K: 'Q3_K_M', Q4_K: 'Q4_K_M', Q5_K: 'Q5_K_M' };

/** The mix with this name (any case; `Q4_K` stands for `Q4_K_M`, as in llama.cpp), or undefined. */
export function fileTypeByName(name: string): FileTypeName | undefined {
  const upper = name.toUpperCase();
  if (Object.hasOwn(FILE_TYPES, upper)) return upper as FileTypeName;
  return Object.hasOwn(ALIASES, upper) ? ALIASES[upper] : undefined;
}

/** Names of the mixes that can only be read. */
const READ_ONLY: Readonly<Record<number, string>> = {
  39: 'NVFP4',
  40: 'Q1_0',
  41: 'Q2_0',
};

/** The name for a number of `general.file_type`, or undefined. */
export function fileTypeName(id: number): string | undefined {
  const known = Object.entries(FILE_TYPES).find(([, type]) => type.id === id);
  return known?.[0] ?? READ_ONLY[id];
}
