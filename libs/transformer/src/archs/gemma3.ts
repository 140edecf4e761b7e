import type { Architecture } from '../architecture/architecture.js';
import { encoderOf, withoutLogits } from '../architecture/encoder.js';
import { gatedOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { LayerSpec } from '../architecture/model-spec.js';
import {
  attentionOf,
  decoderOf,
  headShapeOf,
  normOf,
  queryKeyNorms,
  symmetricWindowOf,
  windowedLayers,
} from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Every sixth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 6;
const LOCAL_ROPE_BASE = 10_000;
/** The largest size, known by its depth, scales scores by the width of a head's share instead of the head's own. */
const LARGEST_DEPTH = 62;

/** Layers with norms around blocks and of heads; those with a window rotate by a base of their own, unscaled. */
function layersOf(
  reader: ModelReader,
  window: number | undefined,
): (index: number) => Pick<LayerSpec, 'mixer' | 'feedForward'> {
  const width = reader.count('embedding_length');
  const isWindowed = window === undefined ? () => false : windowedLayers(reader, GLOBAL_PERIOD);
  const norm = (index: number, name: string) => normOf(reader, 'rms', `blk.${index}.${name}`, width);
  return (index) => {
    const shape = headShapeOf(reader, index);
    const local = {
      base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
      scaling: { kind: 'none' },
    } as const;
    return {
      mixer: attentionOf(reader, index, {
        norms: { input: norm(index, 'attn_norm'), output: norm(index, 'post_attention_norm') },
        ...queryKeyNorms(reader, 'rms', index, shape),
        rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(isWindowed(index) ? local : {}) }),
        scale:
          reader.optionalNumber('attention.scale') ||
          1 / Math.sqrt(reader.count('block_count') === LARGEST_DEPTH ? width / shape.heads : shape.keyLength),
        window: isWindowed(index) ? window : undefined,
      }),
      feedForward: gatedOf(
        reader,
        index,
        { input: norm(index, 'ffn_norm'), output: norm(index, 'post_ffw_norm') },
        'gelu',
      ),
    };
  };
}

const embedding = (reader: ModelReader) => ({ scale: Math.fround(Math.sqrt(reader.count('embedding_length'))) });

export const gemma3: Architecture = {
  name: 'gemma3',
  families: 'Gemma 3, MedGemma',
  read: (reader) =>
    decoderOf(reader, {
      embedding: embedding(reader),
      norm: 'rms',
      output: { softcap: reader.optionalNumber('final_logit_softcapping') || undefined },
      layer: layersOf(reader, reader.optionalNumber('attention.sliding_window') || undefined),
    }),
};

/** EmbeddingGemma: the same as an encoder, with windows on both sides; pooled vectors go through two more maps if the file has them. */
export const gemmaEmbedding: Architecture = {
  name: 'gemma-embedding',
  families: 'EmbeddingGemma',
  read: (reader) => {
    withoutLogits(reader);
    return encoderOf(reader, {
      embedding: embedding(reader),
      causal: false,
      outputNorm: normOf(reader, 'rms', 'output_norm', reader.count('embedding_length')),
      layer: layersOf(reader, symmetricWindowOf(reader)),
    });
  },
};
