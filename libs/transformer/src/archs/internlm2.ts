import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** InternLM 2: Llama's blocks under another name. */
export const internlm2: Architecture = {
  name: 'internlm2',
  families: 'InternLM 2 and 2.5',
  read: (reader) => sequentialOf(reader, { norm: 'rms', rope: 'pairs' }),
};
