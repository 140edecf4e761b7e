import type { Architecture } from '../architecture/architecture.js';
import { clampOf, weightlessNorm } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The first OLMo: norms without weights; in some files queries, keys and values are clamped. */
export const olmo: Architecture = {
  name: 'olmo',
  families: 'OLMo',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'pairs',
      weightless: true,
      output: { norm: weightlessNorm(reader, 'layer') },
      attention: () => clampOf(reader),
    }),
};
