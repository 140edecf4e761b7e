import type { Architecture } from '../architecture/architecture.js';
import type { LayerSpec } from '../architecture/model-spec.js';
import { weightlessNorm } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Talkie: norms without weights, of embeddings and rotated heads as well, a factor for each head of queries; each layer adds some of the embeddings again. */
export const talkie: Architecture = {
  name: 'talkie',
  families: 'Talkie',
  read: (reader) => {
    const plain = weightlessNorm(reader, 'rms');
    const headNorm = { ...plain, over: 'head' } as const;
    const spec = sequentialOf(reader, {
      embedding: { norm: plain },
      norm: 'rms',
      rope: 'halves',
      weightless: true,
      output: { norm: plain, scale: reader.number('logit_scale') },
      attention: (index, { heads }) => ({
        queryNorm: { ...headNorm, scales: reader.vector(`blk.${index}.attn_q_norm.weight`, heads) },
        keyNorm: headNorm,
        normsAfterRotation: true,
      }),
    });
    const name = 'embeddings';
    const withEmbeddings = (layer: LayerSpec, index: number): LayerSpec => ({
      ...layer,
      before: index === 0 ? [{ kind: 'keep', name }] : undefined,
      after: [{ kind: 'recall', name, scale: reader.vector(`blk.${index}.layer_output_scale.weight`, 1) }],
    });
    return { ...spec, layers: spec.layers.map(withEmbeddings) };
  },
};
