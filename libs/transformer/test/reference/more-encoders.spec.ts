import { GATED, METADATA, PLAIN, QKV, RMS, LAYER_NORM, SHAPE, biased, blocks } from './decoder.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { gated, plain, plus, rotated, separateHeads, type Block } from './reference-decoder.js';
import { expectAgreementOfEncoder, meanOf, runEncoder } from './reference-encoder.js';
import {
  add,
  alibiSlope,
  attend,
  cut,
  gelu,
  layerNorm,
  linear,
  multiply,
  rmsNorm,
  scale,
  silu,
  softmax,
  split,
  sum,
  topIndices,
  type AttendOptions,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, ffn, heads, head, kvHeads, layers, vocabulary } = SHAPE;
const [EXPERTS, WINDOW] = [4, 7];
const square = [width, width];
const norm = (name: string): TensorShapes => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });
const SQUARE_QKV: TensorShapes = {
  'attn_q.weight': square,
  'attn_k.weight': square,
  'attn_v.weight': square,
  'attn_output.weight': square,
};
const EMBEDDING: TensorShapes = { 'token_embd.weight': [width, vocabulary] };
const bertMetadata = {
  ...METADATA,
  ...LAYER_NORM,
  'attention.head_count_kv': heads,
  'attention.causal': false,
  pooling_type: 1,
};
const ends: TensorShapes = { ...EMBEDDING, 'token_types.weight': [width, 2], ...norm('token_embd_norm') };

const normed = (block: Block, name: string, row: Row): Row =>
  layerNorm(row, block.vector(`${name}.weight`), block.optionalVector(`${name}.bias`));

interface BertOptions {
  readonly options?: AttendOptions;
  readonly turn?: (rows: Matrix[]) => Matrix[];
  readonly norms?: (block: Block, rows: Matrix[], name: string) => Matrix[];
  readonly fed: (block: Block, row: Row, index: number) => Row;
  readonly hasSecondNorm?: boolean;
}

/** BERT by its definition: attention, sum, norm; feed-forward block, sum, norm. */
const bertLayer =
  ({ options, turn = (rows) => rows, norms = (_, rows) => rows, fed, hasSecondNorm }: BertOptions) =>
  (block: Block, x: Matrix, index: number): Matrix => {
    const { q, k, v } = separateHeads(block, x, heads, heads);
    const attended = attend(turn(norms(block, q, 'attn_q_norm')), turn(norms(block, k, 'attn_k_norm')), v, {
      causal: false,
      ...options,
    }).map((row) => block.apply('attn_output', row));
    let y = plus(x, attended).map((row) => normed(block, 'attn_output_norm', row));
    if (hasSecondNorm) y = plus(y, x).map((row) => normed(block, 'attn_norm_2', row));
    return y.map((row) => normed(block, 'layer_output_norm', add(row, fed(block, row, index))));
  };

const halves = (rows: Matrix[]): Matrix[] => rotated(rows, 'halves');

describe('relatives of BERT agree with a scalar evaluation', () => {
  const layerNorms = { ...norm('attn_output_norm'), ...norm('layer_output_norm') };
  const embed = (model: { vector(name: string): Row; matrix(name: string): Matrix }) => (row: Row) =>
    layerNorm(
      add(row, model.matrix('token_types.weight')[0]),
      model.vector('token_embd_norm.weight'),
      model.vector('token_embd_norm.bias'),
    );

  it('jina-bert-v3', async () => {
    const model = await randomModel('jina-bert-v3', bertMetadata, {
      ...ends,
      ...blocks({ ...biased(SQUARE_QKV), ...layerNorms, ...biased(PLAIN) }),
    });
    const layer = bertLayer({ turn: halves, fed: (block, row) => plain(block, row, gelu) });
    await expectAgreementOfEncoder(model, (tokens) => runEncoder(model, tokens, { embed: embed(model), layer }), {
      pooling: 'mean',
      pooled: meanOf,
    });
  });

  it.each([
    [
      'a gate, norms of queries and keys, a second norm',
      { ...GATED, 'ffn_down.bias': width },
      true,
      (block: Block, row: Row) => gated(block, row, gelu),
    ],
    [
      'a gate in the same matrix',
      {
        'ffn_up.weight': [width, 2 * ffn],
        'ffn_up.bias': 2 * ffn,
        'ffn_down.weight': [ffn, width],
        'ffn_down.bias': width,
      },
      false,
      (block: Block, row: Row) => {
        const [gate, up] = split(block.apply('ffn_up', row), 2);
        return block.apply('ffn_down', multiply(gate.map(gelu), up));
      },
    ],
    ['no gate', biased(PLAIN), false, (block: Block, row: Row) => plain(block, row, gelu)],
  ] as const)('jina-bert-v2 with %s', async (_, feedForward: TensorShapes, hasMore, fed) => {
    const more = hasMore ? { ...norm('attn_q_norm'), ...norm('attn_k_norm'), ...norm('attn_norm_2') } : {};
    const model = await randomModel('jina-bert-v2', bertMetadata, {
      ...ends,
      ...blocks({ ...biased(SQUARE_QKV), ...layerNorms, ...more, ...feedForward }),
    });
    const norms = (block: Block, rows: Matrix[], name: string): Matrix[] =>
      rows.map((parts) => split(normed(block, name, parts.flat()), heads));
    const slope = alibiSlope(heads, 8);
    // Keys after the query are as far away as those before it.
    const layer = bertLayer({
      options: { bias: (h, distance) => -slope(h) * Math.abs(distance) },
      fed,
      ...(hasMore && { norms, hasSecondNorm: true }),
    });
    await expectAgreementOfEncoder(model, (tokens) => runEncoder(model, tokens, { embed: embed(model), layer }), {
      pooling: 'mean',
      pooled: meanOf,
    });
  });

  it('nomic-bert-moe', async () => {
    const experts = {
      'ffn_gate_inp.weight': [width, EXPERTS],
      'ffn_up_exps.weight': [width, ffn, EXPERTS],
      'ffn_down_exps.weight': [ffn, width, EXPERTS],
    };
    const block = { ...biased(SQUARE_QKV), ...layerNorms };
    const tensors = Object.assign(
      {},
      ...Array.from({ length: layers }, (_, i) =>
        Object.fromEntries(
          Object.entries({ ...block, ...(i % 2 === 1 ? experts : biased(PLAIN)) }).map(([name, shape]) => [
            `blk.${i}.${name}`,
            shape,
          ]),
        ),
      ),
    ) as TensorShapes;
    const metadata = {
      ...bertMetadata,
      moe_every_n_layers: 2,
      expert_count: EXPERTS,
      expert_used_count: 2,
      pooling_type: 2,
    };
    const model = await randomModel('nomic-bert-moe', metadata, { ...ends, ...tensors });
    const mixture = (part: Block, row: Row): Row => {
      const scores = softmax(part.apply('ffn_gate_inp', row));
      const [up, down] = [part.matrices('ffn_up_exps.weight'), part.matrices('ffn_down_exps.weight')];
      return sum(topIndices(scores, 2).map((i) => scale(linear(down[i], linear(up[i], row).map(gelu)), scores[i])));
    };
    const layer = bertLayer({
      turn: halves,
      fed: (part, row, index) => (index % 2 === 1 ? mixture(part, row) : plain(part, row, gelu)),
    });
    await expectAgreementOfEncoder(model, (tokens) => runEncoder(model, tokens, { embed: embed(model), layer }), {
      pooling: 'cls',
      pooled: ([first]) => first,
    });
  });
});

describe('encoders with norms on inputs agree with a scalar evaluation', () => {
  const sides = { causal: false } as const;

  it.each([
    ['gelu', gelu, 0],
    ['silu', silu, 40],
  ] as const)('modern-bert with a gate of %s', async (activation, gate, rankSeed) => {
    const block = {
      'attn_norm.weight': width,
      'attn_qkv.weight': [width, 3 * width],
      'attn_output.weight': square,
      'ffn_norm.weight': width,
      'ffn_up.weight': [width, 2 * ffn],
      'ffn_down.weight': [ffn, width],
    };
    const { 'blk.0.attn_norm.weight': _, ...tensors } = blocks(block);
    const isRank = rankSeed > 0;
    const cls: TensorShapes = isRank
      ? { 'cls.weight': square, 'cls.norm.weight': width, 'cls.output.weight': [width, 1], 'cls.output.bias': 1 }
      : {};
    const metadata = {
      ...bertMetadata,
      hidden_activation: activation,
      'attention.sliding_window': WINDOW,
      'rope.freq_base': 160000,
      'rope.freq_base_swa': 10000,
      pooling_type: isRank ? 4 : 1,
    };
    const model = await randomModel('modern-bert', metadata, {
      ...EMBEDDING,
      'token_embd_norm.weight': width,
      'output_norm.weight': width,
      ...tensors,
      ...cls,
    });
    const reference = (tokens: readonly number[]): Matrix =>
      runEncoder(model, tokens, {
        embed: (row) => layerNorm(row, model.vector('token_embd_norm.weight')),
        layer: (part, x, index) => {
          const isGlobal = index % 3 === 0;
          const inputs = index === 0 ? x : x.map((row) => normed(part, 'attn_norm', row));
          const [q, k, v] = [0, 1, 2].map((i) =>
            inputs.map((row) => split(split(part.apply('attn_qkv', row), 3)[i], heads)),
          );
          const turn = (rows: Matrix[]): Matrix[] => rotated(rows, 'halves', undefined, isGlobal ? 160000 : 10000);
          const y = plus(
            x,
            attend(turn(q), turn(k), v, { ...sides, window: isGlobal ? undefined : Math.floor(WINDOW / 2) + 1 }).map(
              (row) => part.apply('attn_output', row),
            ),
          );
          return y.map((row) => {
            const [first, up] = split(part.apply('ffn_up', normed(part, 'ffn_norm', row)), 2);
            return add(row, part.apply('ffn_down', multiply(first.map(gate), up)));
          });
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight')),
      });
    const rank = (hidden: Matrix): Row =>
      linear(
        model.matrix('cls.output.weight'),
        layerNorm(linear(model.matrix('cls.weight'), meanOf(hidden)).map(gelu), model.vector('cls.norm.weight')),
        model.vector('cls.output.bias'),
      );
    await expectAgreementOfEncoder(
      model,
      reference,
      isRank ? { pooling: 'rank', pooled: rank } : { pooling: 'mean', pooled: meanOf },
    );
  });

  it.each([
    ['neo-bert', 'enc.output_norm', 'pairs', false],
    ['eurobert', 'output_norm', 'halves', true],
    ['llama-embed', 'output_norm', 'pairs', true],
  ] as const)('%s', async (architecture, outputNorm, style, isApart) => {
    const apart = { ...QKV, ...GATED };
    const fused = {
      'attn_qkv.weight': [width, (heads + 2 * kvHeads) * head],
      'attn_output.weight': square,
      'ffn_up.weight': [width, 2 * ffn],
      'ffn_down.weight': [ffn, width],
    };
    const tensors = {
      ...EMBEDDING,
      [`${outputNorm}.weight`]: width,
      ...blocks({ 'attn_norm.weight': width, 'ffn_norm.weight': width, ...(isApart ? apart : fused) }),
    };
    const model = await randomModel(
      architecture,
      { ...METADATA, ...RMS, 'attention.causal': false, pooling_type: 3 },
      tensors,
    );
    const layer = (part: Block, x: Matrix): Matrix => {
      const inputs = x.map((row) => rmsNorm(row, part.vector('attn_norm.weight')));
      const fusedHeads = () => {
        const rows = inputs.map((row) =>
          cut(part.apply('attn_qkv', row), heads * head, kvHeads * head, kvHeads * head),
        );
        return {
          q: rows.map(([q]) => split(q, heads)),
          k: rows.map(([, k]) => split(k, kvHeads)),
          v: rows.map(([, , v]) => split(v, kvHeads)),
        };
      };
      const { q, k, v } = isApart ? separateHeads(part, inputs) : fusedHeads();
      const y = plus(
        x,
        attend(rotated(q, style), rotated(k, style), v, sides).map((row) => part.apply('attn_output', row)),
      );
      return y.map((row) => {
        const input = rmsNorm(row, part.vector('ffn_norm.weight'));
        if (isApart) return add(row, gated(part, input));
        const [gate, up] = split(part.apply('ffn_up', input), 2);
        return add(row, part.apply('ffn_down', multiply(gate.map(silu), up)));
      });
    };
    const reference = (tokens: readonly number[]): Matrix =>
      runEncoder(model, tokens, { layer, finish: (row) => rmsNorm(row, model.vector(`${outputNorm}.weight`)) });
    await expectAgreementOfEncoder(model, reference, {
      pooling: 'last',
      pooled: (hidden) => hidden[hidden.length - 1],
    });
  });

  it.each([false, true])('gemma-embedding (maps after pooling: %s)', async (hasMaps) => {
    const block = {
      'attn_norm.weight': width,
      ...QKV,
      'attn_q_norm.weight': head,
      'attn_k_norm.weight': head,
      'post_attention_norm.weight': width,
      'ffn_norm.weight': width,
      ...GATED,
      'post_ffw_norm.weight': width,
    };
    const maps: TensorShapes = hasMaps
      ? { 'dense_2.weight': [width, 3 * width], 'dense_3.weight': [3 * width, width] }
      : {};
    const sizes: Record<string, number> = hasMaps
      ? { dense_2_feat_in: width, dense_2_feat_out: 3 * width, dense_3_feat_in: 3 * width, dense_3_feat_out: width }
      : {};
    const metadata = {
      ...METADATA,
      ...RMS,
      'attention.sliding_window': WINDOW,
      'attention.sliding_window_pattern': 2,
      'rope.freq_base': 1e6,
      pooling_type: 1,
      ...sizes,
    };
    const model = await randomModel('gemma-embedding', metadata, {
      ...EMBEDDING,
      'output_norm.weight': width,
      ...blocks(block),
      ...maps,
    });
    const reference = (tokens: readonly number[]): Matrix =>
      runEncoder(model, tokens, {
        embed: (row) => scale(row, Math.sqrt(width)),
        layer: (part, x, index) => {
          const isGlobal = (index + 1) % 2 === 0;
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const turn = (rows: Matrix[], name: string): Matrix[] =>
            rotated(
              rows.map((parts) => parts.map((one) => rmsNorm(one, part.vector(`${name}.weight`)))),
              'halves',
              undefined,
              isGlobal ? 1e6 : 1e4,
            );
          const attended = attend(turn(q, 'attn_q_norm'), turn(k, 'attn_k_norm'), v, {
            ...sides,
            window: isGlobal ? undefined : Math.floor(WINDOW / 2) + 1,
          });
          const y = plus(
            x,
            attended.map((row) => rmsNorm(part.apply('attn_output', row), part.vector('post_attention_norm.weight'))),
          );
          return y.map((row) =>
            add(
              row,
              rmsNorm(
                gated(part, rmsNorm(row, part.vector('ffn_norm.weight')), gelu),
                part.vector('post_ffw_norm.weight'),
              ),
            ),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      });
    const mapped = (hidden: Matrix): Row =>
      hasMaps
        ? linear(model.matrix('dense_3.weight'), linear(model.matrix('dense_2.weight'), meanOf(hidden)))
        : meanOf(hidden);
    // Maps change what each token's vector is, too.
    const each = (tokens: readonly number[]): Matrix => reference(tokens).map((row) => mapped([row]));
    await expectAgreementOfEncoder(model, each, { pooling: 'mean', pooled: meanOf });
  });
});
