import type { Architecture } from '../architecture/architecture.js';
import type { AttentionSpec, NormSpec, ProjectionSpec } from '../architecture/block-spec.js';
import { gatedOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { AltUpLayerSpec } from '../architecture/model-spec.js';
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

/** Every fifth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 5;
const LOCAL_ROPE_BASE = 10_000;
/** Layers that make keys and values, where the file does not say how many share those of others. */
const LAYERS_WITH_KEYS = 20;
/** The first layers keep the upper twentieth of what their gates give, where the file does not say which. */
const SPARSE_LAYERS = 10;
const SPARSE_DEVIATIONS = 1.6448533535003662;
const LOGIT_CAP = 30;

/**
 * Gemma 3n: several residual streams, one of which each layer works on after predicting all of them, and by whose change it corrects the others
 * (AltUp); a shortcut of low rank beside attention (LAuReL); inputs of each layer for every token; sparse gates; shared keys and values.
 */
export const gemma3n: Architecture = {
  name: 'gemma3n',
  families: 'Gemma 3n',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const isWindowed = windowedLayers(reader, GLOBAL_PERIOD);
    const layers = reader.count('block_count');
    const firstShared = Math.min(
      layers,
      reader.hasKey('attention.shared_kv_layers')
        ? layers - (reader.optionalNumber('attention.shared_kv_layers') ?? 0)
        : LAYERS_WITH_KEYS,
    );
    const streams = reader.optionalCount('altup.num_inputs') ?? reader.vector('altup_proj.weight').rowCount / width + 1;
    if ((reader.optionalNumber('altup.active_idx') ?? 0) !== 0)
      throw reader.invalid('works on another than the first of its streams, which is not supported');
    const length =
      reader.optionalCount('embedding_length_per_layer_input') ?? reader.vector('per_layer_proj_norm.weight').rowLength;
    if (width % 4 !== 0) throw reader.invalid(`has rows of ${width}, where a multiple of 4 is expected`);
    const attentions: AttentionSpec[] = [];
    return decoderOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(width)), perLayer: perLayerInputsOf(reader, length) },
      norm: 'rms',
      output: { softcap: reader.optionalNumber('final_logit_softcapping') || LOGIT_CAP },
      altUp: {
        streams,
        expansion: reader.linear('altup_proj', (streams - 1) * width, width),
        merging: reader.experts('altup_unembd_proj', streams - 1, width, width),
      },
      layer: (index) => {
        const source = firstShared - (isWindowed(index) ? 2 : 1);
        const mixer = attentionAt(
          reader,
          index,
          isWindowed(index),
          index < firstShared ? undefined : attentions[source],
        );
        if (index >= firstShared && mixer.projection.kind !== 'queries')
          throw reader.invalid(`has keys of layer ${index} in layer ${source}, which it does not have`);
        attentions.push(mixer);
        const norms = { input: norm(reader, index, 'ffn_norm'), output: norm(reader, index, 'post_ffw_norm') };
        return {
          mixer,
          feedForward: { ...gatedOf(reader, index, norms, 'gelu'), gateDeviations: deviationsOf(reader, index) },
          altUp: altUpOf(reader, index, streams, length),
        };
      },
    });
  },
};

const norm = (reader: ModelReader, layer: number, name: string): NormSpec =>
  normOf(reader, 'rms', `blk.${layer}.${name}`, reader.count('embedding_length'));

function attentionAt(
  reader: ModelReader,
  layer: number,
  isWindowed: boolean,
  source: AttentionSpec | undefined,
): AttentionSpec {
  const shape = headShapeOf(reader, layer);
  const { queryNorm, keyNorm } = queryKeyNorms(reader, 'rms', layer, shape);
  const local = {
    base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
    scaling: { kind: 'none' },
  } as const;
  return attentionOf(reader, layer, {
    norms: { input: norm(reader, layer, 'attn_norm'), output: norm(reader, layer, 'post_attention_norm') },
    projection: projectionAt(reader, layer, shape, source),
    queryNorm,
    ...(source ? {} : { keyNorm, valueNorm: weightlessNorm(reader, 'rms') }),
    rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(isWindowed ? local : {}) }),
    scale: 1,
    window: isWindowed ? reader.count('attention.sliding_window') : undefined,
  });
}

/** Layers that share keys and values have matrices for them that are not used. */
function projectionAt(
  reader: ModelReader,
  layer: number,
  shape: HeadShape,
  source: AttentionSpec | undefined,
): ProjectionSpec {
  if (!source) return projectionOf(reader, layer, shape);
  const block = `blk.${layer}`;
  reader.excuseTensors(
    'layers that read keys and values of earlier ones make none',
    `${block}.attn_k.weight`,
    `${block}.attn_v.weight`,
    `${block}.attn_k_norm.weight`,
  );
  withoutBiases(reader, ...['attn_q', 'attn_k', 'attn_v'].map((name) => `${block}.${name}`));
  return {
    kind: 'queries',
    q: reader.linear(`${block}.attn_q`, shape.heads * shape.keyLength, reader.count('embedding_length')),
    pagesOf: source,
  };
}

/** How many standard deviations above the mean of a gate's row what is kept of it lies. */
function deviationsOf(reader: ModelReader, layer: number): number | undefined {
  const length = reader.count('feed_forward_length', layer);
  if (length % 4 !== 0) throw reader.invalid(`has gates of ${length}, where a multiple of 4 is expected`);
  if (reader.hasKey('activation_sparsity_scale'))
    return reader.perLayer('activation_sparsity_scale', layer) || undefined;
  return layer < SPARSE_LAYERS ? SPARSE_DEVIATIONS : undefined;
}

function altUpOf(reader: ModelReader, layer: number, streams: number, length: number): AltUpLayerSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const { rowCount: rank } = reader.vector(`${block}.laurel_l.weight`);
  return {
    routerNorm: norm(reader, layer, 'altup_router_norm'),
    router: reader.linear(`${block}.altup_router`, streams, width),
    prediction: reader.linear(`${block}.altup_predict_coef`, streams * streams, streams),
    correction: reader.linear(`${block}.altup_correct_coef`, streams, streams),
    correctedScale: reader.vector(`${block}.altup_correct_scale.weight`, width),
    shortcut: {
      first: reader.linear(`${block}.laurel_l`, rank, width),
      second: reader.linear(`${block}.laurel_r`, width, rank),
      norm: norm(reader, layer, 'laurel_post_norm'),
    },
    injection: injectionOf(reader, layer, length),
  };
}
