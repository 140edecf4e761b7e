import type { Architecture } from '../architecture/architecture.js';
import type { GatedFunctionSpec } from '../architecture/block-spec.js';
import { bertEmbedding, encoderOf } from '../architecture/encoder.js';
import { gatedOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import {
  attentionOf,
  headShapeOf,
  normOf,
  optionalNorm,
  symmetricWindowOf,
  windowedLayers,
} from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** The first layer and every third after it see everything, if the file says nothing else. */
const GLOBAL_PERIOD = 3;
const LOCAL_ROPE_BASE = 10_000;

/** Gates by the name of their function. */
const GATES: Readonly<Record<string, GatedFunctionSpec>> = {
  gelu: 'gelu',
  geglu: 'gelu',
  silu: 'silu',
  swish: 'silu',
  swiglu: 'silu',
  reglu: 'relu',
};

/**
 * ModernBERT: norms on inputs of blocks but the very first, rotated heads by a base of their own where layers see a window on both sides, a gate. Its
 * reranking head works on the mean of all rows.
 */
export const modernBert: Architecture = {
  name: 'modern-bert',
  families: 'ModernBERT, Granite Embedding R2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const window = symmetricWindowOf(reader);
    const isWindowed = window === undefined ? () => false : windowedLayers(reader, GLOBAL_PERIOD, true);
    const activation = gateOf(reader);
    return encoderOf(reader, {
      causal: false,
      embedding: bertEmbedding(reader),
      outputNorm: normOf(reader, 'layer', 'output_norm', width),
      rank: { row: 'mean', activation: 'gelu', norm: optionalNorm(reader, 'layer', 'cls.norm', width) },
      layer: (index) => {
        const name = `blk.${index}.attn_norm`;
        const local = {
          base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
          scaling: { kind: 'none' },
        } as const;
        return {
          mixer: attentionOf(reader, index, {
            norms: {
              input: index === 0 ? optionalNorm(reader, 'layer', name, width) : normOf(reader, 'layer', name, width),
            },
            rope: ropeOf(reader, headShapeOf(reader, index).keyLength, {
              style: 'halves',
              ...(isWindowed(index) ? local : {}),
            }),
            window: isWindowed(index) ? window : undefined,
          }),
          feedForward: gatedOf(
            reader,
            index,
            { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) },
            activation,
          ),
        };
      },
    });
  },
};

function gateOf(reader: ModelReader): GatedFunctionSpec {
  const name = reader.string('hidden_activation') ?? 'gelu';
  const gate = Object.hasOwn(GATES, name) ? GATES[name] : undefined;
  if (gate === undefined)
    throw reader.invalid(`names the gate '${name}', where one of ${Object.keys(GATES).join(', ')} is expected`);
  return gate;
}
