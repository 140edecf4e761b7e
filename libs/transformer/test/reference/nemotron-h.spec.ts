import { BIASED_PLAIN, ENDS, METADATA, OUTPUT, QKV, SHAPE, biased } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { stateSpace } from './recurrences.js';
import { mixture, plain, plus, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import { add, attend, linear, rmsNorm, squaredRelu, type Row } from './scalar-math.js';

const { width, ffn } = SHAPE;
const SPACE = { inner: 2 * width, heads: 4, groups: 2, state: 12 };
const CHANNELS = SPACE.inner + 2 * SPACE.groups * SPACE.state;
const LATENT = 20;
const SPACE_TENSORS: TensorShapes = {
  'ssm_in.weight': [width, SPACE.inner + CHANNELS + SPACE.heads],
  'ssm_conv1d.weight': [4, CHANNELS],
  'ssm_conv1d.bias': CHANNELS,
  'ssm_dt.bias': SPACE.heads,
  ssm_a: [1, SPACE.heads],
  ssm_d: [1, SPACE.heads],
  'ssm_norm.weight': [SPACE.inner / SPACE.groups, SPACE.groups],
  'ssm_out.weight': [SPACE.inner, width],
};
const expertsOf = (length: number): TensorShapes => ({
  'ffn_gate_inp.weight': [width, 6],
  'exp_probs_b.bias': 6,
  'ffn_up_exps.weight': [length, 16, 6],
  'ffn_down_exps.weight': [16, length, 6],
  'ffn_up_shexp.weight': [width, 28],
  'ffn_down_shexp.weight': [28, width],
});
const metadata = {
  ...METADATA,
  'attention.layer_norm_epsilon': 0.00001,
  'attention.head_count_kv': Int32Array.of(2, 0, 0),
  feed_forward_length: Int32Array.of(0, 0, ffn),
  'ssm.conv_kernel': 4,
  'ssm.inner_size': SPACE.inner,
  'ssm.state_size': SPACE.state,
  'ssm.time_step_rank': SPACE.heads,
  'ssm.group_count': SPACE.groups,
};
const mixtureMetadata = {
  expert_count: 6,
  expert_used_count: Int32Array.of(0, 0, 2),
  expert_weights_norm: true,
  expert_weights_scale: 2.5,
  expert_group_count: 1,
  expert_group_used_count: 1,
  expert_shared_count: 1,
  expert_shared_feed_forward_length: 28,
};

/** Experts read what `ffn_latent_down` makes of the token, where the file has it. */
function experts(block: Block, row: Row): Row {
  const isLatent = block.optionalVector('ffn_latent_down.weight') !== undefined;
  const input = isLatent ? block.apply('ffn_latent_down', row) : row;
  const [up, down] = [block.matrices('ffn_up_exps.weight'), block.matrices('ffn_down_exps.weight')];
  const sum = mixture(block, row, {
    used: 2,
    gating: 'sigmoid',
    normalize: true,
    weightScale: 2.5,
    expert: (i) => linear(down[i], linear(up[i], input).map(squaredRelu)),
  });
  const shared = block.apply('ffn_down_shexp', block.apply('ffn_up_shexp', row).map(squaredRelu));
  return add(isLatent ? block.apply('ffn_latent_up', sum) : sum, shared);
}

describe('layers of one block each agree with a scalar evaluation', () => {
  it.each([
    [
      'nemotron_h',
      'a plain feed-forward block',
      BIASED_PLAIN,
      {},
      (block: Block, row: Row) => plain(block, row, squaredRelu),
    ],
    ['nemotron_h_moe', 'experts', expertsOf(width), mixtureMetadata, experts],
    [
      'nemotron_h_moe',
      'experts on shorter rows',
      { 'ffn_latent_down.weight': [width, LATENT], 'ffn_latent_up.weight': [LATENT, width], ...expertsOf(LATENT) },
      { ...mixtureMetadata, moe_latent_size: LATENT },
      experts,
    ],
  ] as const)('%s with %s', async (architecture, _, feedForward, more, feed) => {
    const kinds: TensorShapes[] = [biased(QKV), SPACE_TENSORS, feedForward];
    const tensors = Object.fromEntries(
      kinds.flatMap((kind, i) =>
        Object.entries({ 'attn_norm.weight': width, ...kind }).map(
          ([name, shape]) => [`blk.${i}.${name}`, shape] as const,
        ),
      ),
    );
    const model = await randomModel(architecture, { ...metadata, ...more }, { ...ENDS, ...OUTPUT, ...tensors });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = x.map((row) => rmsNorm(row, block.vector('attn_norm.weight')));
          if (block.index === 2)
            return plus(
              x,
              input.map((row) => feed(block, row)),
            );
          if (block.index === 1) return plus(x, stateSpace(block, input, SPACE));
          const { q, k, v } = separateHeads(block, input);
          return plus(
            x,
            attend(q, k, v).map((row) => block.apply('attn_output', row)),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
