import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms, SharedReadSpec } from '../architecture/block-spec.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { INDEXED, withoutIndexer } from '../architecture/indexer.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { decoderOf, normOf, weightlessNorm } from '../architecture/parts.js';

/** Hunyuan V4: hyper-connections, latent attention with sinks and a gate, experts whose gates are held within bounds. */
export const hyV4: Architecture = {
  name: 'hy_v4',
  families: 'Hunyuan V4',
  contextLimitKeys: [INDEXED],
  read: (reader) => {
    withoutIndexer(reader);
    const width = reader.count('embedding_length');
    const streams = reader.count('hyper_connection.count');
    const norms = (index: number, name: string): BlockNorms => ({
      input: normOf(reader, 'rms', `blk.${index}.${name}_norm`, width),
      read: sharedReadOf(reader, `blk.${index}.hc_${name}`, streams, 2 * streams),
    });
    return decoderOf(reader, {
      norm: 'rms',
      embedding: { copies: streams },
      output: { read: sharedReadOf(reader, 'output_hc', streams, streams) },
      layer: (index) => {
        const limit = reader.perLayer('swiglu_clamp_exp', index) ?? 0;
        return {
          mixer: { ...latentAttentionOf(reader, index, { isGated: true }), norms: norms(index, 'attn') },
          feedForward: feedForwardOf(reader, index, norms(index, 'ffn'), {
            gating: 'sigmoid',
            normalize: false,
            activation: limit > 0 ? { kind: 'clampedSwiglu', alpha: 1, limit, shift: 0 } : 'silu',
            denseActivation: 'silu',
          }),
        };
      },
    });
  },
};

function sharedReadOf(reader: ModelReader, name: string, streams: number, rows: number): SharedReadSpec {
  return {
    kind: 'shared',
    streams,
    epsilon: weightlessNorm(reader, 'rms').epsilon,
    map: reader.linear(`${name}_fn`, rows, streams * reader.count('embedding_length')),
    scales: reader.vector(`${name}_scale.weight`, rows / streams),
    bases: reader.vector(`${name}_base.weight`, rows),
    floor: reader.number('hyper_connection.epsilon'),
    magnitude: reader.number('hyper_connection.magnitude'),
  };
}
