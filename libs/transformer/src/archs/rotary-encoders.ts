import type { Architecture } from '../architecture/architecture.js';
import type { RopeSpec } from '../architecture/block-spec.js';
import { encoderOf, withoutLogits } from '../architecture/encoder.js';
import { normOf } from '../architecture/parts.js';
import { sequentialLayerOf } from '../architecture/sequential.js';

/*
 * Llama's blocks whose tokens all see each other, without an output matrix.
 */

/** What differs among them. */
interface LlamaEncoderOptions {
  readonly rope: RopeSpec['style'];
  /** Default `output_norm`. */
  readonly outputNorm?: string;
  /** Default: as the file says. */
  readonly causal?: boolean;
}

const llamaEncoder = (
  name: string,
  families: string,
  { rope, outputNorm = 'output_norm', causal }: LlamaEncoderOptions,
): Architecture => ({
  name,
  families,
  read: (reader) => {
    withoutLogits(reader);
    return encoderOf(reader, {
      causal,
      embedding: {},
      outputNorm: normOf(reader, 'rms', outputNorm, reader.count('embedding_length')),
      layer: (index) => sequentialLayerOf(reader, { norm: 'rms', rope }, index),
    });
  },
});

export const eurobert = llamaEncoder('eurobert', 'EuroBERT', { rope: 'halves', causal: false });

/** NeoBERT: projections and gates in one matrix each. */
export const neoBert = llamaEncoder('neo-bert', 'NeoBERT', {
  rope: 'pairs',
  outputNorm: 'enc.output_norm',
  causal: false,
});

/** Llama as an encoder, such as those that NVIDIA trained for retrieval. */
export const llamaEmbed = llamaEncoder('llama-embed', 'Llama Embed Nemotron', { rope: 'pairs' });
