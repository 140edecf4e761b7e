import type { Architecture } from '../architecture/architecture.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Every fourth layer knows no positions. */
const UNROTATED_PERIOD = 4;

/** SmolLM 3: Llama's blocks, some of them without rotation. */
export const smollm3: Architecture = {
  name: 'smollm3',
  families: 'SmolLM 3',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      attention: (index, { keyLength }) => ({
        rope: (index + 1) % UNROTATED_PERIOD === 0 ? undefined : ropeOf(reader, keyLength, { style: 'pairs' }),
      }),
    }),
};
