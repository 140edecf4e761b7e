import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms, FeedForwardSpec } from '../architecture/block-spec.js';
import { latentOf } from '../architecture/experts.js';
import { feedForwardOf, plainOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { attentionOf, decoderOf, normOf } from '../architecture/parts.js';
import { isWithoutKeys, stateSpaceOf } from '../architecture/recurrent-parts.js';

/** Nemotron-H: layers of one block each, Mamba-2, attention without positions, or a feed-forward block with the square of relu. */
export const nemotronH: Architecture = {
  name: 'nemotron_h',
  families: 'Nemotron-H, Nemotron Nano 2',
  read: readNemotronH,
};

/** The same with experts, in some models on shorter rows. */
export const nemotronHMoe: Architecture = { name: 'nemotron_h_moe', families: 'Nemotron 3 Nano', read: readNemotronH };

function readNemotronH(reader: ModelReader): ModelSpec {
  const width = reader.count('embedding_length');
  return decoderOf(reader, {
    norm: 'rms',
    layer: (index) => {
      const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
      if (reader.perLayer('feed_forward_length', index) !== 0)
        return { feedForward: feedForward(reader, index, norms) };
      return {
        mixer: isWithoutKeys(reader, index)
          ? stateSpaceOf(reader, index, norms)
          : attentionOf(reader, index, { norms }),
      };
    },
  });
}

function feedForward(reader: ModelReader, layer: number, norms: BlockNorms): FeedForwardSpec {
  if (!reader.has(`blk.${layer}.ffn_gate_inp.weight`)) return plainOf(reader, layer, norms, 'relu2');
  return feedForwardOf(reader, layer, norms, {
    gating: 'sigmoid',
    normalize: false,
    activation: 'relu2',
    latent: latentOf(reader, layer, 'ffn_latent'),
  });
}
