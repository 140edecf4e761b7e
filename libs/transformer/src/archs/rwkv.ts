import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms } from '../architecture/block-spec.js';
import { gatedOf } from '../architecture/feed-forward.js';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { decoderOf, normOf } from '../architecture/parts.js';
import { channelMixOf, checkTokenShifts, timeMix6Of, timeMix7Of } from '../architecture/rwkv-parts.js';

type TimeMixOf = (reader: ModelReader, layer: number, norms: BlockNorms) => MixerSpec;

/** RWKV: recurrences in place of attention, feed-forward blocks that see the token before. */
export const rwkv6: Architecture = {
  name: 'rwkv6',
  families: 'RWKV 6',
  read: (reader) => readRwkv(reader, timeMix6Of),
};
export const rwkv7: Architecture = {
  name: 'rwkv7',
  families: 'RWKV 7',
  read: (reader) => readRwkv(reader, timeMix7Of),
};

/** Qwen2 with the recurrences of RWKV in place of attention. */
export const rwkv6qwen2: Architecture = {
  name: 'rwkv6qwen2',
  families: 'QRWKV 6',
  read: (reader) => readQwenKin(reader, timeMix6Of),
};
export const arwkv7: Architecture = {
  name: 'arwkv7',
  families: 'ARWKV 7',
  read: (reader) => readQwenKin(reader, timeMix7Of),
};

function readRwkv(reader: ModelReader, timeMixOf: TimeMixOf): ModelSpec {
  const width = reader.count('embedding_length');
  // The file's weights count on the stream being halved every so many layers.
  const every = reader.optionalCount('rescale_every_n_layers');
  checkTokenShifts(reader, 2);
  return decoderOf(reader, {
    norm: 'layer',
    embedding: { norm: normOf(reader, 'layer', 'token_embd_norm', width) },
    layer: (index) => ({
      mixer: timeMixOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) }),
      feedForward: channelMixOf(reader, index),
      after: every !== undefined && (index + 1) % every === 0 ? [{ kind: 'scale', factor: 0.5 }] : undefined,
    }),
  });
}

function readQwenKin(reader: ModelReader, timeMixOf: TimeMixOf): ModelSpec {
  const width = reader.count('embedding_length');
  checkTokenShifts(reader, 1);
  return decoderOf(reader, {
    norm: 'rms',
    layer: (index) => ({
      mixer: timeMixOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) }),
      feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
    }),
  });
}
