import type { Architecture } from '../architecture/architecture.js';
import type { SituSpec, StreamReadSpec } from '../architecture/block-spec.js';
import { latentOf } from '../architecture/experts.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { kimiDeltaOf } from '../architecture/kimi-delta.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { decoderOf, normOf, weightlessNorm } from '../architecture/parts.js';
import { isWithoutKeys } from '../architecture/recurrent-parts.js';

/**
 * Kimi K3: Kimi Linear with gates on latent attention, experts on shorter rows, and a residual stream that starts anew every so many layers:
 * blocks read a weighted sum of what it was before and of what it is.
 */
export const kimiK3: Architecture = {
  name: 'kimi-k3',
  families: 'Kimi K3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const floor = reader.optionalNumber('kda.gate_lower_bound') ?? -Infinity;
    const bound = floor > -Infinity ? ({ floor, sign: -1 } as const) : undefined;
    const activation = situOf(reader);
    const every = reader.optionalCount('attn_res.block_size');
    /** The first `count` copies of the stream that were kept, which a block reads beside the stream. */
    const readOf = (name: string, count: number): StreamReadSpec | undefined => {
      if (count > 0)
        return {
          kind: 'kept',
          kept: Array.from({ length: count }, (_, i) => keptName(i)),
          score: reader.vector(`${name}.weight`, width),
          epsilon: weightlessNorm(reader, 'rms').epsilon,
        };
      reader.excuseTensors('scores of a layer before which nothing of the stream is kept', `${name}.weight`);
      return undefined;
    };
    const keptBefore = (layer: number): number => (every === undefined ? 0 : Math.ceil(layer / every));
    return decoderOf(reader, {
      norm: 'rms',
      output: { read: readOf('output_res_score', keptBefore(reader.count('block_count'))) },
      layer: (index) => {
        const block = `blk.${index}`;
        const mixerNorms = {
          input: normOf(reader, 'rms', `${block}.attn_norm`, width),
          read: readOf(`${block}.attn_res_score`, keptBefore(index)),
        };
        const mixer = isWithoutKeys(reader, index)
          ? kimiDeltaOf(reader, index, mixerNorms, { bound })
          : { ...latentAttentionOf(reader, index, { rope: 'none', isGated: true }), norms: mixerNorms };
        const keeps = keptBefore(index + 1) > keptBefore(index);
        return {
          before: keeps ? [{ kind: 'keep', name: keptName(keptBefore(index)) }] : undefined,
          restarts: keeps,
          mixer,
          feedForward: feedForwardOf(
            reader,
            index,
            {
              input: normOf(reader, 'rms', `${block}.ffn_norm`, width),
              read: readOf(`${block}.ffn_res_score`, keptBefore(index + 1)),
            },
            { normalize: false, activation, latent: latentOf(reader, index, 'ffn_routed') },
          ),
        };
      },
    });
  },
};

const keptName = (index: number): string => `stream ${index}`;

function situOf(reader: ModelReader): SituSpec {
  const linearBeta = reader.number('activation.situ_linear_beta');
  return {
    kind: 'situ',
    beta: reader.number('activation.situ_beta'),
    linearBeta: linearBeta > 0 ? linearBeta : undefined,
  };
}
