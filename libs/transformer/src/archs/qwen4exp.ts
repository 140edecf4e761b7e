import type { Architecture } from '../architecture/architecture.js';
import type { AttentionSpec, BlockNorms, HyperReadSpec, NormSpec } from '../architecture/block-spec.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { NgramSpec } from '../architecture/model-spec.js';
import { INDEXED, withoutIndexer } from '../architecture/indexer.js';
import { decoderOf, headShapeOf, normOf } from '../architecture/parts.js';
import { convolutionOf, deltaNetOf, recurrentLayers } from '../architecture/recurrent-parts.js';
import { gatedAttentionOf } from './qwen3next.js';

/** One layer of so many has attention, unless the file lists the layers. */
const ATTENTION_INTERVAL = 4;

/**
 * Qwen's experimental successor of Qwen3.5: hyper-connections in place of norms, and in one layer rows of a table that the last tokens choose.
 * Positions are chosen by an indexer, which within the contexts that are allowed chooses everything.
 */
export const qwen4exp: Architecture = {
  name: 'qwen4exp',
  families: 'Qwen 4 (experimental)',
  contextLimitKeys: [INDEXED],
  read: (reader) => {
    const isRecurrent = recurrentLayers(reader, ATTENTION_INTERVAL);
    const streams = reader.count('hyper_connection.count');
    const ngramLayers = reader.array('ple.layers') ?? [];
    withoutIndexer(reader);
    return decoderOf(reader, {
      norm: 'rms',
      embedding: { copies: streams },
      output: { norm: undefined, read: hyperOf(reader, 'output_hc', streams) },
      layer: (index) => {
        const block = `blk.${index}`;
        const norms = { read: hyperOf(reader, `${block}.hc_attn`, streams) };
        return {
          before: ngramLayers.includes(index)
            ? [{ kind: 'ngrams', ngrams: ngramsOf(reader, index, streams) }]
            : undefined,
          mixer: isRecurrent(index)
            ? deltaNetOf(reader, index, norms, 'remainder', 'sigmoid')
            : attentionAt(reader, index, norms),
          feedForward: feedForwardOf(reader, index, { read: hyperOf(reader, `${block}.hc_ffn`, streams) }),
        };
      },
    });
  },
};

/** Attention of a layer, without the biases that the reference takes from a file and does not add. */
function attentionAt(reader: ModelReader, layer: number, norms: BlockNorms): AttentionSpec {
  const { heads, kvHeads, keyLength, valueLength } = headShapeOf(reader, layer);
  for (const [name, length] of Object.entries({
    attn_q: 2 * heads * keyLength,
    attn_k: kvHeads * keyLength,
    attn_v: kvHeads * valueLength,
  })) {
    reader.excuseVector('the reference does not add it', `blk.${layer}.${name}.bias`, length);
  }
  return gatedAttentionOf(reader, layer, norms);
}

/** A norm of each row of a stream of several. */
const streamsNorm = (reader: ModelReader, name: string, streams: number): NormSpec =>
  normOf(reader, 'rms', name, streams * reader.count('embedding_length'));

function hyperOf(reader: ModelReader, name: string, streams: number): HyperReadSpec {
  const width = streams * reader.count('embedding_length');
  const rank = reader.count('hyper_connection.low_rank');
  return {
    kind: 'hyper',
    streams,
    norm: streamsNorm(reader, `${name}_norm`, streams),
    down: reader.linear(`${name}_down`, rank, width),
    up: reader.linear(`${name}_up`, width, rank),
    inject: reader.optionalLinear(`${name}_inject`, streams, width),
  };
}

function ngramsOf(reader: ModelReader, layer: number, streams: number): NgramSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const size = reader.count('ple.ngram_size');
  const perSize = reader.count('ple.heads_per_ngram');
  const count = (size - 1) * perSize;
  const table = reader.table('per_layer_token_embd.weight', reader.count('embedding_length_per_layer_input'));
  const counts = reader.array('ple.head_vocab_sizes') ?? [];
  const firsts = reader.array('ple.head_offsets') ?? [];
  const multipliers = reader.bigints('ple.layer_multipliers').slice(0, size);
  reader.excuseKeys('what stands for images', 'ple.image_token_id');
  const isWithin = Array.from(
    { length: count },
    (_, i) => counts[i] > 0 && firsts[i] >= 0 && firsts[i] + counts[i] <= table.rowCount,
  );
  if (size < 2 || multipliers.length < size || isWithin.includes(false))
    throw reader.invalid(
      `has ${multipliers.length} multipliers and ${Math.min(counts.length, firsts.length)} ranges of ${table.rowCount} rows for ${perSize} rows of up to ${size} tokens, which do not go together`,
    );
  return {
    table,
    size,
    perSize,
    multipliers,
    ranges: isWithin.map((_, i) => ({ first: firsts[i], count: counts[i] })),
    end: reader.number('ple.eos_token_id'),
    streams,
    key: reader.linear(`${block}.ple_key`, streams * width, count * table.rowLength),
    value: reader.linear(`${block}.ple_value`, width, count * table.rowLength),
    keyNorm: streamsNorm(reader, `${block}.ple_norm_key`, streams),
    queryNorm: streamsNorm(reader, `${block}.ple_norm_query`, streams),
    convolutionNorm: streamsNorm(reader, `${block}.ple_norm_conv`, streams),
    convolution: {
      ...convolutionOf(reader, `${block}.ple_conv1d`, reader.count('ple.conv_kernel'), streams * width),
      dilation: size,
    },
  };
}
