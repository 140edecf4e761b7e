import type { Architecture } from '../architecture/architecture.js';
import { outputGateOf, queryKeyNorms, weightlessNorm, windowsOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Every fourth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;
/** Of the norms on outputs of blocks; files do not name it. */
const OUTPUT_EPSILON = 1e-8;

/** Muse Glimmer: norms around blocks, of heads and of embeddings, a gate on attention's results; windowed layers rotate, the others know no positions. */
export const museGlimmer: Architecture = {
  name: 'muse-glimmer',
  families: 'Muse Glimmer',
  read: (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD);
    const base = reader.optionalNumber('rope.freq_base_swa');
    return sequentialOf(reader, {
      embedding: { norm: weightlessNorm(reader, 'rms') },
      norm: 'rms',
      output: {
        scale: reader.number('logit_scale'),
        softcap: reader.optionalNumber('final_logit_softcapping') || undefined,
      },
      outputNorms: { attention: 'post_attention_norm', feedForward: 'post_ffw_norm', epsilon: OUTPUT_EPSILON },
      attention: (index, shape) => {
        const window = windowOf(index);
        const rope =
          window === undefined
            ? undefined
            : ropeOf(reader, shape.keyLength, { style: 'pairs', base, scaling: { kind: 'none' } });
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          gate: outputGateOf(reader, index, shape),
          window,
          rope,
        };
      },
    });
  },
};
