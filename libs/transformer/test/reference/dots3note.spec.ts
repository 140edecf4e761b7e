import { blocks, ENDS, GATED, latentIndexer, METADATA, OUTPUT, RMS, SHAPE, sharedMixture } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { latentAttention } from './latent-attention.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { gated, mixture, plus, runDecoder } from './reference-decoder.js';
import { add, rmsNorm, rotate, sigmoid, silu } from './scalar-math.js';

const { width, heads } = SHAPE;
const EXPERTS = 6;
const RANK = 20;
const ROTATED = 8;
const WINDOWED = [true, false, true];
/** Lengths of layers with a window, and of the others. */
const lengthsOf = (layer: number) =>
  WINDOWED[layer] ? { latent: 24, plain: 16, value: 12 } : { latent: 40, plain: 8, value: 16 };
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });

function tensorsOf(layer: number): TensorShapes {
  const { latent, plain, value } = lengthsOf(layer);
  return {
    ...norm('attn_norm'),
    'attn_q_a.weight': [width, RANK],
    ...norm('attn_q_a_norm', RANK),
    'attn_q_b.weight': [RANK, heads * (plain + ROTATED)],
    'attn_kv_a_mqa.weight': [width, latent + ROTATED],
    ...norm('attn_kv_a_norm', latent),
    ...norm('attn_k_norm', ROTATED),
    'attn_k_b.weight': [plain, latent, heads],
    'attn_v_b.weight': [latent, value, heads],
    'attn_gate.weight': [width, heads],
    'attn_output.weight': [heads * value, width],
    ...norm('ffn_norm'),
    ...(layer === 0 ? GATED : sharedMixture(EXPERTS, 16)),
    // It plays no part in short contexts.
    ...(WINDOWED[layer] ? {} : latentIndexer(RANK)),
  };
}

describe('dots3note', () => {
  it('agrees with a scalar evaluation: windowed layers have lengths and a base of their own', async () => {
    const metadata = {
      ...METADATA,
      ...RMS,
      'attention.head_count_kv': 1,
      'rope.dimension_count': ROTATED,
      'rope.freq_base': 5000.5,
      'rope.freq_base_swa': 500.5,
      'attention.q_lora_rank': RANK,
      'attention.sliding_window': 5,
      'attention.sliding_window_pattern': WINDOWED,
      'attention.kv_lora_rank': 40,
      'attention.key_length_mla': 8 + ROTATED,
      'attention.value_length_mla': 16,
      'attention.kv_lora_rank_swa': 24,
      'attention.key_length_mla_swa': 16 + ROTATED,
      'attention.value_length_mla_swa': 12,
      'attention.indexer.top_k': 64,
      expert_count: EXPERTS,
      expert_used_count: 2,
      expert_feed_forward_length: 16,
      expert_gating_func: 2,
      expert_weights_norm: true,
      expert_weights_scale: 1.5,
    };
    const model = await randomModel('dots3note', metadata, { ...ENDS, ...OUTPUT, ...blocks(tensorsOf) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const isWindowed = WINDOWED[block.index];
          const { latent, plain, value } = lengthsOf(block.index);
          const inputs = x.map((row) => rmsNorm(row, block.vector('attn_norm.weight')));
          const attention = latentAttention(
            block,
            inputs,
            { heads, latent, plain, rotated: ROTATED },
            {
              turn: (part, position) => rotate(part, position, 'pairs', ROTATED, isWindowed ? 500.5 : 5000.5),
              shared: (part) => rmsNorm(part, block.vector('attn_k_norm.weight')),
              window: isWindowed ? 5 : undefined,
              gate: (input) =>
                block.apply('attn_gate', input).flatMap((gate) => Array.from({ length: value }, () => sigmoid(gate))),
            },
          );
          const y = plus(x, attention);
          return y.map((row) => {
            const normed = rmsNorm(row, block.vector('ffn_norm.weight'));
            return add(
              row,
              block.index === 0
                ? gated(block, normed)
                : add(
                    mixture(block, normed, { used: 2, gating: 'sigmoid', normalize: true, weightScale: 1.5 }),
                    gated(block, normed, silu, '_shexp'),
                  ),
            );
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
