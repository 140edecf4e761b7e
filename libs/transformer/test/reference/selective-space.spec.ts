import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { selectiveSpace } from './recurrences.js';
import { gated, mixture, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import { add, attend, cut, rmsNorm, split, type Matrix, type Row } from './scalar-math.js';

const { width, ffn, heads, kvHeads, head, layers } = SHAPE;
const INNER = 2 * width;
const STATE = 12;
const RANK = 6;
const FEW_HEADS = 4;
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });

const spaceOf = (rank: number, steps: number): TensorShapes => ({
  'ssm_in.weight': [width, 2 * INNER],
  'ssm_conv1d.weight': [4, INNER],
  'ssm_conv1d.bias': INNER,
  'ssm_x.weight': [INNER, rank + 2 * STATE],
  'ssm_dt.weight': [rank, steps],
  'ssm_dt.bias': steps,
  ssm_a: steps === INNER ? [STATE, INNER] : steps,
  ssm_d: steps,
  'ssm_out.weight': [INNER, width],
});
const metadata = {
  ...METADATA,
  ...RMS,
  'ssm.conv_kernel': 4,
  'ssm.inner_size': INNER,
  'ssm.state_size': STATE,
  'ssm.time_step_rank': RANK,
};
const someAttention = { 'attention.head_count_kv': Int32Array.of(0, 2, 0) };

const mixedBlocks = (tensorsOf: (layer: number) => TensorShapes): TensorShapes =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, i) =>
      Object.entries(tensorsOf(i)).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
    ).flat(),
  );
const finishOf = (model: RandomModel) => (row: Row) => rmsNorm(row, model.vector('output_norm.weight'));
const normed = (block: Block, x: Matrix, name: string): Matrix => x.map((row) => rmsNorm(row, block.vector(name)));
const asTheyAre = (_: string, row: Row): Row => row;

describe('Mamba and its kin agree with a scalar evaluation', () => {
  it.each([false, true])('mamba (norms without weights: %s)', async (hasNorms) => {
    const model = await randomModel(
      'mamba',
      { ...metadata, 'ssm.dt_b_c_rms': hasNorms },
      { ...ENDS, ...OUTPUT, ...mixedBlocks(() => ({ ...norm('attn_norm'), ...spaceOf(RANK, INNER) })) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) =>
          plus(
            x,
            selectiveSpace(
              block,
              normed(block, x, 'attn_norm.weight'),
              { state: STATE, rank: RANK },
              hasNorms ? (_, row) => rmsNorm(row, undefined) : asTheyAre,
            ),
          ),
        finish: finishOf(model),
      }),
    );
  });

  it('jamba', async () => {
    const experts = {
      'ffn_gate_inp.weight': [width, 6],
      'ffn_gate_exps.weight': [width, ffn, 6],
      'ffn_up_exps.weight': [width, ffn, 6],
      'ffn_down_exps.weight': [ffn, width, 6],
    };
    const norms = { ...norm('ssm_dt_norm', RANK), ...norm('ssm_b_norm', STATE), ...norm('ssm_c_norm', STATE) };
    const tensors = mixedBlocks((i) => ({
      ...norm('attn_norm'),
      ...(i === 1 ? QKV : { ...spaceOf(RANK, INNER), ...norms }),
      ...norm('ffn_norm'),
      ...(i === 2 ? experts : GATED),
    }));
    const model = await randomModel(
      'jamba',
      { ...metadata, ...someAttention, expert_count: 6, expert_used_count: 2 },
      { ...ENDS, ...tensors },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = normed(block, x, 'attn_norm.weight');
          const { q, k, v } = block.index === 1 ? separateHeads(block, input) : { q: [], k: [], v: [] };
          const mixed =
            block.index === 1
              ? attend(q, k, v).map((row) => block.apply('attn_output', row))
              : selectiveSpace(block, input, { state: STATE, rank: RANK }, (name, row) =>
                  rmsNorm(row, block.vector(`${name}.weight`)),
                );
          return plus(x, mixed).map((row) => {
            const fed = rmsNorm(row, block.vector('ffn_norm.weight'));
            return add(row, block.index === 2 ? mixture(block, fed, { used: 2 }) : gated(block, fed));
          });
        },
        finish: finishOf(model),
        head: 'token_embd',
      }),
    );
  });

  it('plamo2', async () => {
    const attention = {
      'attn_qkv.weight': [width, (heads + 2 * kvHeads) * head],
      'attn_q_norm.weight': [head, heads],
      'attn_k_norm.weight': [head, kvHeads],
      'attn_output.weight': [heads * head, width],
    };
    const { 'ssm_conv1d.bias': _, ...space } = spaceOf(20, FEW_HEADS);
    const mamba = { ...space, ssm_dt_norm: 20, ssm_b_norm: STATE, ssm_c_norm: STATE };
    const feed = {
      ...norm('ffn_norm'),
      'ffn_up.weight': [width, 2 * ffn],
      'ffn_down.weight': [ffn, width],
      post_ffw_norm: width,
    };
    const tensors = mixedBlocks((i) => ({
      ...norm('attn_norm'),
      ...(i === 1 ? attention : mamba),
      post_attention_norm: width,
      ...feed,
    }));
    const model = await randomModel(
      'plamo2',
      { ...metadata, ...someAttention, 'ssm.time_step_rank': FEW_HEADS },
      { ...ENDS, ...OUTPUT, ...tensors },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = normed(block, x, 'attn_norm.weight');
          const attended = (): Matrix => {
            const parts = input.map((row) =>
              cut(block.apply('attn_qkv', row), heads * head, kvHeads * head, kvHeads * head),
            );
            const turned = (part: number, count: number, name: string) =>
              rotated(
                parts.map((row) => split(row[part], count).map((one, h) => rmsNorm(one, block.matrix(name)[h]))),
                'halves',
              );
            const v = parts.map((row) => split(row[2], kvHeads));
            return attend(turned(0, heads, 'attn_q_norm.weight'), turned(1, kvHeads, 'attn_k_norm.weight'), v).map(
              (row) => block.apply('attn_output', row),
            );
          };
          const mixed =
            block.index === 1
              ? attended()
              : selectiveSpace(block, input, { state: STATE, rank: 20, heads: FEW_HEADS }, (name, row) =>
                  rmsNorm(row, block.vector(name)),
                );
          const y = plus(
            x,
            mixed.map((row) => rmsNorm(row, block.vector('post_attention_norm'))),
          );
          return y.map((row) => {
            const fed = rmsNorm(row, block.vector('ffn_norm.weight'));
            const [gate, up] = split(block.apply('ffn_up', fed), 2);
            const inner = gate.map((value, i) => (value / (1 + Math.exp(-value))) * up[i]);
            return add(row, rmsNorm(block.apply('ffn_down', inner), block.vector('post_ffw_norm')));
          });
        },
        finish: finishOf(model),
      }),
    );
  });
});
