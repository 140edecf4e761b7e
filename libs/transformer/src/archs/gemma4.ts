import type { Architecture } from '../architecture/architecture.js';
import type {
  AttentionSpec,
  BlockNorms,
  DenseSpec,
  FeedForwardSpec,
  NormSpec,
  ProjectionSpec,
} from '../architecture/block-spec.js';
import { expertsOf } from '../architecture/experts.js';
import { gatedOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { StreamStep } from '../architecture/model-spec.js';
import {
  attentionOf,
  decoderOf,
  headShapeOf,
  normOf,
  projectionOf,
  queryKeyNorms,
  weightlessNorm,
  windowedLayers,
  withoutBiases,
  type HeadShape,
} from '../architecture/parts.js';
import { injectionOf, perLayerInputsOf } from '../architecture/per-layer-inputs.js';
import { ropeOf } from '../architecture/rope.js';

/** The base of the rotation in windowed layers where the file names none. */
const LOCAL_ROPE_BASE = 10_000;

/**
 * Gemma 4: norms around blocks and of heads, values too; windowed layers with heads and a rotation of their own; the last layers of the smaller
 * models read keys and values of earlier ones, and have inputs of their own for each token; experts beside a dense block in the mixture.
 */
export const gemma4: Architecture = {
  name: 'gemma4',
  families: 'Gemma 4',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const isWindowed = windowedLayers(reader, 0);
    const firstShared = reader.count('block_count') - (reader.optionalNumber('attention.shared_kv_layers') ?? 0);
    const attentions: AttentionSpec[] = [];
    const perLayer = perLayerInputsOf(reader, reader.optionalCount('embedding_length_per_layer_input'));
    return decoderOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(width)), perLayer },
      norm: 'rms',
      output: { softcap: reader.optionalNumber('final_logit_softcapping') || undefined },
      layer: (index) => {
        const source = firstShared - (isWindowed(index) ? 2 : 1);
        const mixer = attentionAt(
          reader,
          index,
          isWindowed(index),
          index < firstShared ? undefined : attentions[source],
        );
        const from = mixer.projection.kind === 'queries' ? mixer.projection.pagesOf : mixer;
        if (index >= firstShared && (from === mixer || from.keyLength !== mixer.keyLength))
          throw reader.invalid(`has keys of layer ${index} in layer ${source}, which does not have such`);
        attentions.push(mixer);
        return { mixer, feedForward: feedForwardAt(reader, index), after: stepsAfter(reader, index, perLayer?.length) };
      },
    });
  },
};

function attentionAt(
  reader: ModelReader,
  layer: number,
  isWindowed: boolean,
  source: AttentionSpec | undefined,
): AttentionSpec {
  const width = reader.count('embedding_length');
  const own = headShapeOf(reader, layer);
  const length = isWindowed ? reader.count('attention.key_length_swa') : own.keyLength;
  const shape = {
    ...own,
    ...(source && { kvHeads: source.kvHeads }),
    keyLength: length,
    valueLength: isWindowed ? reader.count('attention.value_length_swa') : own.valueLength,
  };
  const { queryNorm, keyNorm } = queryKeyNorms(reader, 'rms', layer, shape);
  const local = {
    base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
    dimensions: reader.optionalCount('rope.dimension_count_swa') ?? length,
    scaling: { kind: 'none' },
  } as const;
  return attentionOf(reader, layer, {
    ...shape,
    norms: {
      input: normOf(reader, 'rms', `blk.${layer}.attn_norm`, width),
      output: normOf(reader, 'rms', `blk.${layer}.post_attention_norm`, width),
    },
    projection: projectionAt(reader, layer, shape, source),
    queryNorm,
    ...(source ? {} : { keyNorm, valueNorm: weightlessNorm(reader, 'rms') }),
    rope: ropeOf(reader, length, { style: 'halves', ...(isWindowed ? local : { factors: 'one' }) }),
    scale: 1,
    window: isWindowed ? reader.count('attention.sliding_window') : undefined,
  });
}

/** Some layers have no values of their own, others neither keys nor values; what files have of them is not used. */
function projectionAt(
  reader: ModelReader,
  layer: number,
  shape: HeadShape,
  source: AttentionSpec | undefined,
): ProjectionSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const q = () => reader.linear(`${block}.attn_q`, shape.heads * shape.keyLength, width);
  if (source) {
    reader.excuseTensors(
      'layers that read keys and values of earlier ones make none',
      `${block}.attn_k.weight`,
      `${block}.attn_v.weight`,
      `${block}.attn_k_norm.weight`,
    );
    withoutBiases(reader, ...['attn_q', 'attn_k', 'attn_v'].map((name) => `${block}.${name}`));
    return { kind: 'queries', q: q(), pagesOf: source };
  }
  if (reader.has(`${block}.attn_v.weight`) || reader.has(`${block}.attn_qkv.weight`))
    return projectionOf(reader, layer, shape);
  return { kind: 'keysAsValues', q: q(), k: reader.linear(`${block}.attn_k`, shape.kvHeads * shape.keyLength, width) };
}

/** A dense block; where the layer has a router, experts beside it, which are chosen by a norm of the stream. */
function feedForwardAt(reader: ModelReader, layer: number): FeedForwardSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const norm = (name: string): NormSpec => normOf(reader, 'rms', `${block}.${name}`, width);
  const dense = (norms: BlockNorms): DenseSpec => gatedOf(reader, layer, norms, 'gelu');
  if (!reader.has(`${block}.ffn_gate_inp.weight`))
    return dense({ input: norm('ffn_norm'), output: norm('post_ffw_norm') });
  const count = reader.count('expert_count');
  return {
    kind: 'sum',
    norms: { output: norm('post_ffw_norm') },
    blocks: [
      dense({ input: norm('ffn_norm'), output: norm('post_ffw_norm_1') }),
      expertsOf(reader, layer, {
        norms: { input: norm('pre_ffw_norm_2'), output: norm('post_ffw_norm_2') },
        router: { weight: reader.table(`${block}.ffn_gate_inp.weight`, width, count), rows: count, columns: width },
        routedBy: {
          stream: 'block',
          norm: { ...weightlessNorm(reader, 'rms'), weight: reader.vector(`${block}.ffn_gate_inp.scale`, width) },
          scale: 1 / Math.sqrt(width),
        },
        activation: 'gelu',
        weightScale: 1,
      }),
    ],
  };
}

function stepsAfter(reader: ModelReader, layer: number, length: number | undefined): StreamStep[] {
  const factor = reader.optionalVector(`blk.${layer}.layer_output_scale.weight`, 1);
  return [
    ...(length === undefined ? [] : [{ kind: 'inject', injection: injectionOf(reader, layer, length) } as const]),
    ...(factor ? [{ kind: 'scale', factor } as const] : []),
  ];
}
