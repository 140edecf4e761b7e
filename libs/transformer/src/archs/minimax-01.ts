import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms } from '../architecture/block-spec.js';
import { expertsOf } from '../architecture/experts.js';
import type { LightningSpec } from '../architecture/mixer-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { attentionOf, decoderOf, headShapeOf, normOf, outputGateOf } from '../architecture/parts.js';
import { recurrentLayers } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** One layer of so many has attention with a softmax, unless the file lists the layers. */
const ATTENTION_INTERVAL = 8;

/** MiniMax-01: lightning attention, and attention in every eighth layer; experts; what a block has read, scaled, is what its output is added to. */
export const minimax01: Architecture = {
  name: 'minimax-01',
  families: 'MiniMax-Text-01',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const isRecurrent = recurrentLayers(reader, ATTENTION_INTERVAL);
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
        const { keyLength } = headShapeOf(reader, index);
        return {
          inputScale: reader.number('residual_scale'),
          mixer: isRecurrent(index)
            ? lightningOf(reader, index, norms)
            : attentionOf(reader, index, { norms, rope: ropeOf(reader, keyLength, { style: 'halves' }) }),
          feedForward: expertsOf(reader, index, {
            norms: { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) },
          }),
        };
      },
    });
  },
};

function lightningOf(reader: ModelReader, layer: number, norms: BlockNorms): LightningSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const shape = headShapeOf(reader, layer);
  const { heads, keyLength: headLength, valueLength } = shape;
  if (valueLength !== headLength)
    throw reader.invalid(
      `has keys of ${headLength} elements and values of ${valueLength}, where lightning attention needs as many`,
    );
  const length = heads * headLength;
  // Slopes as of ALiBi, which get smaller from layer to layer.
  const share = 1 - layer / Math.max(1, reader.count('block_count') - 1) + 1e-5;
  return {
    kind: 'lightning',
    norms,
    heads,
    headLength,
    input: reader.linear(`${block}.attn_qkv`, 3 * length, width),
    decays: Array.from({ length: heads }, (_, head) => Math.exp(-share * 2 ** ((-8 * (head + 1)) / heads))),
    innerNorm: normOf(reader, 'rms', `${block}.attn_norm_2`, length),
    gate: outputGateOf(reader, layer, shape),
    output: reader.linear(`${block}.attn_output`, width, length),
  };
}
