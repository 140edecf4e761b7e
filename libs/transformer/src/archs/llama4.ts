import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { weightlessNorm, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Every fourth layer sees everything and knows no positions; its queries grow with the logarithm of theirs. */
const GLOBAL_PERIOD = 4;
/** Positions that see each other in the other layers. Files have no other number. */
const CHUNK = 8192;
const TEMPERATURE = { scale: 0.1, offset: 1, interval: CHUNK } as const;
/** The model with so many experts (Maverick) has no norms of heads. */
const EXPERTS_WITHOUT_NORMS = 128;

/** Llama 4: attention within chunks, heads normed after the rotation; one expert, which reads its input times its weight, beside a shared one. */
export const llama4: Architecture = {
  name: 'llama4',
  families: 'Llama 4',
  read: (reader) => {
    reader.excuseKeys('the same in all files', 'attention.temperature_scale');
    // Files without chunks say so by a window of 0.
    const hasChunks = reader.optionalNumber('attention.sliding_window') !== 0;
    const isChunked = hasChunks ? windowedLayers(reader, GLOBAL_PERIOD) : () => false;
    const headNorm = { ...weightlessNorm(reader, 'rms'), over: 'head' } as const;
    const norms =
      reader.count('expert_count') === EXPERTS_WITHOUT_NORMS
        ? {}
        : { queryNorm: headNorm, keyNorm: headNorm, normsAfterRotation: true };
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (index, { keyLength }) => {
        const isRotated = !hasChunks || (index + 1) % GLOBAL_PERIOD !== 0;
        const base = isChunked(index) ? reader.optionalNumber('rope.freq_base_swa') : undefined;
        return {
          ...(isRotated
            ? { ...norms, rope: ropeOf(reader, keyLength, { style: 'pairs', factors: 'one', base }) }
            : { temperature: TEMPERATURE }),
          ...(isChunked(index) ? { window: CHUNK, chunked: true } : {}),
        };
      },
      feedForward: (index, inputNorms) =>
        feedForwardOf(reader, index, inputNorms, {
          gating: 'sigmoid',
          normalize: false,
          byLogits: true,
          weighsInput: true,
        }),
    });
  },
};
