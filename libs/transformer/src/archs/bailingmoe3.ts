import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf, limitsOf } from '../architecture/feed-forward.js';
import { kimiDeltaOf } from '../architecture/kimi-delta.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import { decoderOf, normOf } from '../architecture/parts.js';
import { isWithoutKeys } from '../architecture/recurrent-parts.js';

/** Ling 3: Kimi's delta nets with bounded decays, and latent attention with a gate on each head in some layers. */
export const bailingmoe3: Architecture = {
  name: 'bailingmoe3',
  families: 'Ling 3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const floor = reader.number('kda.gate_lower_bound');
    if (reader.boolean('kda.safe_gate') === false || !(floor < 0))
      throw reader.invalid(
        `asks for decays without a bound (kda.safe_gate, kda.gate_lower_bound ${floor}), where one below 0 is expected`,
      );
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: isWithoutKeys(reader, index)
          ? kimiDeltaOf(
              reader,
              index,
              { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
              { bound: { floor, sign: 1 } },
            )
          : latentAttentionOf(reader, index, { isGated: true }),
        feedForward: feedForwardOf(
          reader,
          index,
          { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) },
          { normalize: false, ...limitsOf(reader, index) },
        ),
      }),
    });
  },
};
