import type { Gating } from '@starling/kernels/internal';
import type { Architecture } from '../architecture/architecture.js';
import type { RopeScaling } from '../architecture/block-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { INDEXED, withoutIndexer } from '../architecture/indexer.js';
import {
  latentAttentionOf,
  temperatureOf,
  type LatentOptions,
  type Sharpening,
} from '../architecture/latent-attention.js';
import { decoderOf, normOf } from '../architecture/parts.js';
import { scalingOf, yarnScale } from '../architecture/rope.js';

/** DeepSeek V2 and V3: latent attention; the first layers dense, the others with experts beside shared ones. */
export const deepseek2: Architecture = {
  name: 'deepseek2',
  families: 'DeepSeek V2, V2.5, V3 and R1, Kimi K2, Moonlight, GLM-4.7 Flash',
  read: (reader) =>
    readDeepSeek(reader, {
      sharpening: sharpeningOfDeepSeek(reader),
      temperature: temperatureOf(reader),
      gating: isGlmLite(reader) ? 'sigmoid' : undefined,
    }),
};

/** Mistral Small 4: the same; what YaRN does to cosines and sines is not left to the scores. */
export const mistral4: Architecture = {
  name: 'mistral4',
  families: 'Mistral Small 4',
  read: (reader) => readDeepSeek(reader, { sharpening: sharpeningOf(reader), temperature: temperatureOf(reader) }),
};

/** DeepSeek V3.2: the same with an indexer, which chooses the positions that are seen where there are more than it would choose. */
export const deepseek32: Architecture = {
  name: 'deepseek32',
  families: 'DeepSeek V3.2',
  contextLimitKeys: [INDEXED],
  read: (reader) => readIndexed(reader),
};

/** GLM-5: the same; some layers leave the choice to those before them. */
export const glmDsa: Architecture = {
  name: 'glm-dsa',
  families: 'GLM-5',
  contextLimitKeys: [INDEXED],
  read: (reader) => readIndexed(reader, 'sigmoid'),
};

/** Within the contexts that are allowed the indexer chooses everything. */
function readIndexed(reader: ModelReader, gating?: Gating): ModelSpec {
  reader.count(INDEXED);
  withoutIndexer(reader);
  return readDeepSeek(reader, { sharpening: sharpeningOf(reader), gating });
}

/** GLM-4.7 Flash, whose first files do not name the gating. */
function isGlmLite(reader: ModelReader): boolean {
  const layers = reader.count('block_count') - (reader.optionalNumber('nextn_predict_layers') ?? 0);
  return (layers === 47 || layers === 48) && reader.vector('token_embd.weight').rowCount === 154_880;
}

/** What differs between DeepSeek's models. */
interface DeepSeekOptions extends Pick<LatentOptions, 'sharpening' | 'temperature'> {
  /** How scores of experts become weights where the file does not say. */
  readonly gating?: Gating;
}

function readDeepSeek(reader: ModelReader, { gating, ...attention }: DeepSeekOptions): ModelSpec {
  const width = reader.count('embedding_length');
  return decoderOf(reader, {
    norm: 'rms',
    layer: (index) => ({
      mixer: latentAttentionOf(reader, index, attention),
      feedForward: feedForwardOf(
        reader,
        index,
        { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) },
        { normalize: false, gating },
      ),
    }),
  });
}

/** A file's multiplier is a tenth of the model's. */
const multiplierOf = (reader: ModelReader): number =>
  (reader.optionalNumber('rope.scaling.yarn_log_multiplier') ?? 0) * 10;

const stretchOf = (scaling: RopeScaling): number => (scaling.kind === 'yarn' ? scaling.factor : 1);

/** Cosines and sines take what a multiplier leaves of the sharpening, scores the rest, which holds for the parts of keys that are not rotated too. */
function sharpeningOf(reader: ModelReader): Sharpening {
  const stretch = stretchOf(scalingOf(reader));
  const rest = yarnScale(stretch, multiplierOf(reader));
  const magnitude = ((reader.optionalNumber('rope.scaling.attn_factor') ?? 1) * yarnScale(stretch, 1)) / rest;
  return { magnitude, factor: magnitude * rest };
}

/** With a multiplier the scores take all of the sharpening; without it both do. */
function sharpeningOfDeepSeek(reader: ModelReader): Sharpening {
  const multiplier = multiplierOf(reader);
  if (multiplier === 0) return sharpeningOf(reader);
  const magnitude = reader.optionalNumber('rope.scaling.attn_factor') ?? 1;
  return { magnitude, factor: magnitude * yarnScale(stretchOf(scalingOf(reader)), multiplier) };
}
