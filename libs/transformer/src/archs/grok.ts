import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf, gatedOf } from '../architecture/feed-forward.js';
import { ropeOf, scalingOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** What files of the first model leave out. */
const EMBEDDING_SCALE = 78.38367176906169;
const SCORE_SCALE = 0.08838834764831845;
const SCORE_CAP = 30;
const LOGIT_SCALE = 0.5773502691896257;
const YARN_BETA_FAST = 8;

/** Grok: norms around blocks, scores capped, experts with GELU; in the second model beside a dense block. */
export const grok: Architecture = {
  name: 'grok',
  families: 'Grok 1 and 2',
  read: (reader) => {
    reader.excuseKeys('the reference does not cap what the router gives', 'router_logit_softcapping');
    reader.excuseKeys('the reference does not use it', 'attention.temperature_length');
    const scaling = scalingOf(reader);
    const ownMagnitude = reader.optionalNumber('rope.scaling.yarn_attn_factor') || 1;
    const magnitude =
      scaling.kind === 'yarn' ? undefined : (reader.optionalNumber('rope.scaling.attn_factor') ?? 1) * ownMagnitude;
    const betaFast = reader.optionalNumber('rope.scaling.yarn_beta_fast') ?? YARN_BETA_FAST;
    return sequentialOf(reader, {
      embedding: { scale: (reader.optionalNumber('embedding_scale') ?? EMBEDDING_SCALE) || 1 },
      norm: 'rms',
      outputNorms: {
        attention: 'attn_output_norm',
        feedForward: reader.has('blk.0.layer_output_norm.weight') ? 'layer_output_norm' : 'post_ffw_norm',
      },
      output: {
        scale: reader.optionalNumber('logit_scale') ?? LOGIT_SCALE,
        softcap: reader.optionalNumber('final_logit_softcapping') || undefined,
      },
      attention: (_, { keyLength }) => ({
        rope: ropeOf(reader, keyLength, {
          style: 'halves',
          magnitude,
          scaling: scaling.kind === 'yarn' ? { ...scaling, betaFast } : scaling,
        }),
        scale: reader.optionalNumber('attention.output_scale') ?? SCORE_SCALE,
        softcap: reader.optionalNumber('attn_logit_softcapping') ?? SCORE_CAP,
      }),
      feedForward: (index, norms) => {
        const hasDense = reader.has(`blk.${index}.ffn_up.weight`);
        return feedForwardOf(reader, index, norms, {
          activation: 'gelu',
          shared: hasDense ? { dense: gatedOf(reader, index, {}, 'gelu') } : undefined,
          outputScale: hasDense ? Math.SQRT1_2 : undefined,
        });
      },
    });
  },
};
