import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Sizes are known by their depth: the 7B rotates heads, the 13B has ALiBi, as its files do not say. */
const ROTATED_DEPTH = 32;
const ALIBI_DEPTH = 40;
const ALIBI_MAX_BIAS = 8;

/** Baichuan: Llama's blocks, with ALiBi in the larger size. */
export const baichuan: Architecture = {
  name: 'baichuan',
  families: 'Baichuan 1 and 2',
  read: (reader) => {
    const depth = reader.count('block_count');
    reader.excuseKeys('it is the same in all files', 'attention.max_alibi_bias');
    return sequentialOf(reader, {
      norm: 'rms',
      rope: depth === ROTATED_DEPTH ? 'pairs' : undefined,
      attention: () => ({ alibiMaxBias: depth === ALIBI_DEPTH ? ALIBI_MAX_BIAS : undefined }),
    });
  },
};
