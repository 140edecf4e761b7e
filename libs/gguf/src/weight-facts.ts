import type { GgufModel } from './model.js';

/** What a file's tensors are, taken together. */
export interface WeightFacts {
  /** Values of all tensors. */
  readonly parameterCount: number;
  /** The type that holds most of the file's bytes; empty for a file without tensors. */
  readonly commonestType: string;
}

/** Counts a file's tensors, by its header alone. */
export function weightFacts({ tensors }: Pick<GgufModel, 'tensors'>): WeightFacts {
  const bytes = new Map<string, number>();
  let parameterCount = 0;
  for (const { type, byteLength, rowLength, rowCount } of tensors.values()) {
    parameterCount += rowLength * rowCount;
    bytes.set(type.name, (bytes.get(type.name) ?? 0) + byteLength);
  }
  const [commonestType] = [...bytes].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ['', -1]);
  return { parameterCount, commonestType };
}
