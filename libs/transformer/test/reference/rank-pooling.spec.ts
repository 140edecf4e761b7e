import { PackedStrings } from '@starling/core';
import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { loadTransformer } from '../../src/index.js';
import { ENDS, GATED, METADATA, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { randomModel, type RandomModel } from './random-model.js';
import { linear, softmax, type Row } from './scalar-math.js';

const { width, heads, head, vocabulary } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });
const square = [width, width];
const ENCODER = {
  'token_embd.weight': [width, vocabulary],
  ...norm('token_embd_norm'),
  ...blocks({
    'attn_q.weight': square,
    'attn_k.weight': square,
    'attn_v.weight': square,
    'attn_output.weight': square,
    ...norm('attn_output_norm'),
    ...GATED,
    ...norm('layer_output_norm'),
  }),
};
const encoderMetadata = {
  ...METADATA,
  'attention.head_count_kv': heads,
  'attention.layer_norm_epsilon': 0.00001,
  pooling_type: 4,
};
const texts = [TOKENS, TOKENS.slice(3, 10)];

/** Scores of both texts, and the hidden states of all of their tokens. */
async function embedBoth(model: RandomModel): Promise<{ scores: Float32Array; hidden: Row[][] }> {
  const runtime = await loadTransformer(model.file, { contextLength: 32, pageTokens: 16, pageCount: 4, kvType: 'F32' });
  try {
    expect(runtime.info.pooling).toBe('rank');
    const batch = texts.map(
      (tokens, slot) =>
        ({ tokens, startPosition: 0, pages: Int32Array.of(2 * slot, 2 * slot + 1), slot, outputs: 'none' }) as const,
    );
    const { vectors } = await runtime.embed(batch, { pooling: 'none' });
    const rows = Array.from({ length: vectors.length / width }, (_, i) => [
      ...vectors.subarray(i * width, (i + 1) * width),
    ]);
    return {
      scores: (await runtime.embed(batch)).vectors,
      hidden: [rows.slice(0, texts[0].length), rows.slice(texts[0].length)],
    };
  } finally {
    await runtime.close();
  }
}

describe('reranking heads', () => {
  it('of an encoder score the first token: an output after a dense layer with tanh', async () => {
    const model = await randomModel('nomic-bert', encoderMetadata, {
      ...ENCODER,
      'cls.weight': square,
      'cls.bias': width,
      'cls.output.weight': [width, 1],
      'cls.output.bias': 1,
    });
    const { scores, hidden } = await embedBoth(model);
    const expected = hidden.flatMap(([first]) =>
      linear(
        model.matrix('cls.output.weight'),
        linear(model.matrix('cls.weight'), first, model.vector('cls.bias')).map(Math.tanh),
        model.vector('cls.output.bias'),
      ),
    );
    expect(relativeRms(scores, expected)).toBeLessThan(1e-5);
  });

  it('of an encoder may be an output alone', async () => {
    const model = await randomModel('nomic-bert', encoderMetadata, { ...ENCODER, 'cls.output.weight': [width, 1] });
    const { scores, hidden } = await embedBoth(model);
    expect(
      relativeRms(
        scores,
        hidden.flatMap(([first]) => linear(model.matrix('cls.output.weight'), first)),
      ),
    ).toBeLessThan(1e-5);
  });

  it('of a decoder score the last token by the probability of the first output', async () => {
    const layer = {
      'attn_norm.weight': width,
      ...QKV,
      'attn_q_norm.weight': head,
      'attn_k_norm.weight': head,
      'ffn_norm.weight': width,
      ...GATED,
    };
    const model = await randomModel(
      'qwen3',
      { ...METADATA, ...RMS, pooling_type: 4 },
      { ...ENDS, ...blocks(layer), 'cls.output.weight': [width, 2] },
    );
    const { scores, hidden } = await embedBoth(model);
    expect(
      relativeRms(
        scores,
        hidden.map((rows) => softmax(linear(model.matrix('cls.output.weight'), rows[rows.length - 1]))[0]),
      ),
    ).toBeLessThan(1e-5);
  });

  it('of a decoder whose file has none are made of the rows for its answers, where the file says that it ranks', async () => {
    const layer = {
      'attn_norm.weight': width,
      ...QKV,
      'attn_q_norm.weight': head,
      'attn_k_norm.weight': head,
      'ffn_norm.weight': width,
      ...GATED,
    };
    const tokens = PackedStrings.from(
      Array.from({ length: vocabulary }, (_, id) => (id === 7 ? 'yes' : id === 3 ? 'no' : `t${id}`)),
    );
    const modelOf = (more: object, shared: object): Promise<RandomModel> =>
      randomModel(
        'qwen3',
        { ...METADATA, ...RMS, ...more },
        { ...ENDS, ...blocks(layer) },
        { shared: { 'tokenizer.ggml.tokens': tokens, ...shared } },
      );
    const model = await modelOf({ pooling_type: 4 }, {});
    const { scores, hidden } = await embedBoth(model);
    const table = model.matrix('token_embd.weight');
    expect(
      relativeRms(
        scores,
        hidden.map((rows) => softmax(linear([table[7], table[3]], rows[rows.length - 1]))[0]),
      ),
    ).toBeLessThan(1e-5);
    for (const [name, ranks] of [
      ['Qwen3 Reranker 0.6B', true],
      ['Qwen3 0.6B', false],
    ] as const) {
      const runtime = await loadTransformer((await modelOf({}, { 'general.name': name })).file, { contextLength: 32 });
      expect([runtime.info.ranks, runtime.info.rankTemplate?.includes('<Query>: {query}\n') ?? false]).toEqual([
        ranks,
        ranks,
      ]);
      await runtime.close();
    }
  });

  it('are missed where there is none', async () => {
    const model = await randomModel('nomic-bert', encoderMetadata, ENCODER);
    await expect(embedBoth(model)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
