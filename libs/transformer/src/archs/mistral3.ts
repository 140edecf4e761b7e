import type { Architecture } from '../architecture/architecture.js';
import { originalContextOf, ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Mistral 3 (Ministral 3): Llama's blocks, or its experts; queries grow with the logarithm of the position beyond the original context. */
export const mistral3: Architecture = {
  name: 'mistral3',
  families: 'Ministral 3',
  read: (reader) => {
    const scale = reader.optionalNumber('attention.temperature_scale') || undefined;
    const temperature = scale === undefined ? undefined : { scale, offset: 0, interval: originalContextOf(reader) };
    const logMultiplier = reader.optionalNumber('rope.scaling.yarn_log_multiplier');
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (_, { keyLength }) => ({
        temperature,
        rope: ropeOf(reader, keyLength, { style: 'pairs', factors: 'byScaling', logMultiplier }),
      }),
    });
  },
};
