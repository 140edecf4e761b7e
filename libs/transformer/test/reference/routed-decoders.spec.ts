import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import {
  gated,
  gatedExpert,
  mixture,
  plus,
  rotated,
  runDecoder,
  separateHeads,
  type Block,
  type ReferenceDecoder,
} from './reference-decoder.js';
import {
  add,
  attend,
  multiply,
  linear,
  rmsNorm,
  scale,
  sigmoid,
  silu,
  softmax,
  split,
  sum,
  topIndices,
  type AttendOptions,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, heads, kvHeads, head } = SHAPE;
const EXPERTS = 6;
const USED = 3;
const LENGTH = 16;
const counts = { ...METADATA, ...RMS, expert_count: EXPERTS, expert_used_count: USED };
const NORMS: TensorShapes = { 'attn_norm.weight': width, 'ffn_norm.weight': width };
const experts = (suffix = '_exps', count = EXPERTS, length = LENGTH): TensorShapes => ({
  [`ffn_gate${suffix}.weight`]: [width, length, count],
  [`ffn_up${suffix}.weight`]: [width, length, count],
  [`ffn_down${suffix}.weight`]: [length, width, count],
});
const ROUTER: TensorShapes = { 'ffn_gate_inp.weight': [width, EXPERTS] };
const SHARED: TensorShapes = {
  'ffn_gate_shexp.weight': [width, 24],
  'ffn_up_shexp.weight': [width, 24],
  'ffn_down_shexp.weight': [24, width],
};

const normed = (part: Block, row: Row, name: string): Row => rmsNorm(row, part.vector(`${name}.weight`));
const eachHead = (rows: Matrix[], weight?: Row): Matrix[] =>
  rows.map((parts) => parts.map((part) => rmsNorm(part, weight)));

const agree = (model: RandomModel, layer: ReferenceDecoder['layer']): Promise<void> =>
  expectAgreement(model, (tokens) =>
    runDecoder(model, tokens, { layer, finish: (row) => rmsNorm(row, model.vector('output_norm.weight')) }),
  );

/** Attention as in Llama, added to the stream. */
function attended(part: Block, x: Matrix, style?: 'pairs' | 'halves', options?: AttendOptions): Matrix {
  const { q, k, v } = separateHeads(
    part,
    x.map((row) => normed(part, row, 'attn_norm')),
  );
  const turn = (rows: Matrix[]): Matrix[] => (style ? rotated(rows, style) : rows);
  return plus(
    x,
    attend(turn(q), turn(k), v, options).map((row) => part.apply('attn_output', row)),
  );
}

describe('experts that are reached in other ways agree with a scalar evaluation', () => {
  it('arctic: beside both blocks', async () => {
    const dense: TensorShapes = Object.fromEntries(Object.keys(GATED).map((name) => [name, [width, width]]));
    const model = await randomModel('arctic', counts, {
      ...ENDS,
      ...OUTPUT,
      ...blocks({ ...NORMS, ...QKV, ...dense, 'ffn_norm_exps.weight': width, ...ROUTER, ...experts() }),
    });
    await agree(model, (part, x) =>
      attended(part, x, 'pairs').map((row, i) =>
        sum([
          row,
          gated(part, normed(part, row, 'ffn_norm')),
          mixture(part, normed(part, x[i], 'ffn_norm_exps'), { used: USED, normalize: true }),
        ]),
      ),
    );
  });

  it('smallthinker: chosen by the stream before attention', async () => {
    const model = await randomModel(
      'smallthinker',
      { ...counts, expert_gating_func: 2, expert_feed_forward_length: LENGTH },
      { ...ENDS, ...OUTPUT, ...blocks({ ...NORMS, ...QKV, ...ROUTER, ...experts() }) },
    );
    const relu = (value: number): number => Math.max(0, value);
    await agree(model, (part, x) =>
      attended(part, x, 'halves').map((row, i) =>
        add(
          row,
          mixture(part, normed(part, row, 'ffn_norm'), {
            used: USED,
            gating: 'sigmoid',
            normalize: true,
            routedBy: x[i],
            expert: gatedExpert(part, relu),
          }),
        ),
      ),
    );
  });

  it('ernie4_5-moe: in layers that are dense by the metadata, but have experts, the activation alone', async () => {
    const model = await randomModel(
      'ernie4_5-moe',
      { ...counts, interleave_moe_layer_step: 2, expert_feed_forward_length: LENGTH },
      { ...ENDS, ...OUTPUT, ...blocks({ ...NORMS, ...QKV, ...ROUTER, ...experts() }) },
    );
    await agree(model, (part, x) =>
      attended(part, x, 'pairs').map((row) => {
        const input = normed(part, row, 'ffn_norm');
        return add(row, part.index === 1 ? mixture(part, input, { used: USED, normalize: true }) : input.map(silu));
      }),
    );
  });

  it.each([1, 2, 3])('grovemoe: with second experts for groups of %i', async (size) => {
    const norms = { ...NORMS, 'attn_q_norm.weight': head, 'attn_k_norm.weight': head };
    const model = await randomModel(
      'grovemoe',
      { ...counts, expert_feed_forward_length: LENGTH, experts_per_group: size, expert_group_scale: 0.4 },
      {
        ...ENDS,
        ...OUTPUT,
        ...blocks({ ...norms, ...QKV, ...ROUTER, ...experts(), ...experts('_chexps', EXPERTS / size, 12) }),
      },
    );
    await agree(model, (part, x) => {
      const { q, k, v } = separateHeads(
        part,
        x.map((row) => normed(part, row, 'attn_norm')),
      );
      const [queries, keys] = [
        rotated(eachHead(q, part.vector('attn_q_norm.weight')), 'halves'),
        rotated(eachHead(k, part.vector('attn_k_norm.weight')), 'halves'),
      ];
      return plus(
        x,
        attend(queries, keys, v).map((row) => part.apply('attn_output', row)),
      ).map((row) => {
        const input = normed(part, row, 'ffn_norm');
        const first = mixture(part, input, { used: USED, normalize: true });
        const scores = softmax(part.apply('ffn_gate_inp', input));
        const groups = topIndices(scores, Math.min(USED, EXPERTS / size)).map((i) => Math.floor(i / size));
        const total = groups.reduce((all, group) => all + scores[group], 0);
        const second = sum(
          groups.map((group) => scale(gatedExpert(part, silu, '_chexps')(group, first), scores[group] / total)),
        );
        return add(row, add(first, scale(second, 0.4)));
      });
    });
  });

  it('llama4: reading their input times its weight', async () => {
    const count = 5;
    const metadata = {
      ...counts,
      block_count: count,
      expert_used_count: 1,
      expert_feed_forward_length: LENGTH,
      interleave_moe_layer_step: 2,
    };
    const layerTensors = (index: number): TensorShapes => ({
      ...NORMS,
      ...QKV,
      ...(index % 2 === 1 ? { ...ROUTER, ...experts(), ...SHARED } : GATED),
    });
    const tensors = Object.fromEntries(
      Array.from({ length: count }, (_, i) =>
        Object.entries(layerTensors(i)).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
      ).flat(),
    );
    const model = await randomModel('llama4', metadata, { ...ENDS, ...OUTPUT, ...tensors });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layers: count,
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => normed(part, row, 'attn_norm')),
          );
          // Every fourth layer knows no positions; below 8192 of them its temperature is 1, and nothing is in another chunk.
          const turn = (rows: Matrix[]): Matrix[] =>
            (part.index + 1) % 4 === 0 ? rows : eachHead(rotated(rows, 'pairs'));
          return plus(
            x,
            attend(turn(q), turn(k), v).map((row) => part.apply('attn_output', row)),
          ).map((row) => {
            const input = normed(part, row, 'ffn_norm');
            if (part.index % 2 === 0) return add(row, gated(part, input));
            return sum([
              row,
              gated(part, input, silu, '_shexp'),
              mixture(part, input, { used: 1, gating: 'sigmoid', weighsInput: true }),
            ]);
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});

describe('attention with other outputs agrees with a scalar evaluation', () => {
  const WINDOW = 5;
  const windows = { 'attention.sliding_window': WINDOW, 'attention.sliding_window_pattern': [true, false, true] };

  it('mimo2: scaled, with sinks, and values shorter than keys', async () => {
    const [key, value] = [12, 8];
    const lengths = {
      'attention.key_length': key,
      'attention.value_length': value,
      'attention.value_scale': 0.6,
      'rope.freq_base': 500,
    };
    const attention: TensorShapes = {
      'attn_q.weight': [width, heads * key],
      'attn_k.weight': [width, kvHeads * key],
      'attn_v.weight': [width, kvHeads * value],
      'attn_output.weight': [heads * value, width],
      'attn_sinks.weight': heads,
    };
    const model = await randomModel(
      'mimo2',
      { ...counts, ...windows, ...lengths },
      {
        ...ENDS,
        ...OUTPUT,
        ...blocks({ ...NORMS, ...attention, ...ROUTER, 'exp_probs_b.bias': EXPERTS, ...experts() }),
      },
    );
    await agree(model, (part, x) => {
      const { q, k, v } = separateHeads(
        part,
        x.map((row) => normed(part, row, 'attn_norm')),
      );
      const isWindowed = part.index !== 1;
      const turn = (rows: Matrix[]): Matrix[] => rotated(rows, 'halves', head, isWindowed ? undefined : 500);
      const sums = attend(turn(q), turn(k), v, {
        window: isWindowed ? WINDOW : undefined,
        sinks: part.vector('attn_sinks.weight'),
      });
      const y = plus(
        x,
        sums.map((row) => scale(part.apply('attn_output', row), 0.6)),
      );
      return y.map((row) =>
        add(row, mixture(part, normed(part, row, 'ffn_norm'), { used: USED, gating: 'sigmoid', normalize: true })),
      );
    });
  });

  it.each([
    ['laguna', 'heads', heads],
    ['laguna', 'elements', heads * head],
    ['afmoe', 'elements', heads * head],
  ] as const)('%s: times gates for %s', async (architecture, _, gates) => {
    const isAfmoe = architecture === 'afmoe';
    const more: TensorShapes = isAfmoe ? { 'post_attention_norm.weight': width, 'post_ffw_norm.weight': width } : {};
    const block = {
      ...NORMS,
      ...more,
      ...QKV,
      'attn_q_norm.weight': head,
      'attn_k_norm.weight': head,
      'attn_gate.weight': [width, gates],
      ...ROUTER,
      'exp_probs_b.bias': EXPERTS,
      ...experts(),
      ...SHARED,
    } satisfies TensorShapes;
    const model = await randomModel(
      architecture,
      { ...counts, ...windows, expert_weights_scale: 1.5 },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    const gate = (value: number): number => (isAfmoe ? sigmoid(value) : Math.log1p(Math.exp(value)));
    const after = (part: Block, row: Row, name: string): Row => (isAfmoe ? normed(part, row, name) : row);
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => (isAfmoe ? scale(row, Math.sqrt(width)) : row),
        layer: (part, x) => {
          const input = x.map((row) => normed(part, row, 'attn_norm'));
          const { q, k, v } = separateHeads(part, input);
          const [queries, keys] = [
            rotated(eachHead(q, part.vector('attn_q_norm.weight')), 'halves'),
            rotated(eachHead(k, part.vector('attn_k_norm.weight')), 'halves'),
          ];
          const sums = attend(queries, keys, v, { window: part.index === 1 ? undefined : WINDOW });
          const y = x.map((row, i) => {
            const factors = linear(part.matrix('attn_gate.weight'), input[i]).map(gate);
            const gatedSums =
              gates === heads
                ? split(sums[i], heads).flatMap((values, h) => scale(values, factors[h]))
                : multiply(sums[i], factors);
            return add(row, after(part, part.apply('attn_output', gatedSums), 'post_attention_norm'));
          });
          return y.map((row) => {
            const normal = normed(part, row, 'ffn_norm');
            const fed = add(
              mixture(part, normal, { used: USED, gating: 'sigmoid', weightScale: 1.5 }),
              gated(part, normal, silu, '_shexp'),
            );
            return add(row, after(part, fed, 'post_ffw_norm'));
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
