import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { shortConvolution, stateSpace, sumOf } from './recurrences.js';
import { gated, mixture, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import { add, attend, rmsNorm, scale, type Matrix, type Row } from './scalar-math.js';

const { width, head, layers } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const SPACE = { inner: 2 * width, heads: 8, groups: 2, state: 12 };
const CHANNELS = SPACE.inner + 2 * SPACE.groups * SPACE.state;
const SPACE_METADATA = {
  'ssm.conv_kernel': 4,
  'ssm.inner_size': SPACE.inner,
  'ssm.state_size': SPACE.state,
  'ssm.time_step_rank': SPACE.heads,
  'ssm.group_count': SPACE.groups,
};
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

/** Tensors of blocks that differ. */
const mixedBlocks = (tensorsOf: (layer: number) => TensorShapes): TensorShapes =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, i) =>
      Object.entries(tensorsOf(i)).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
    ).flat(),
  );

const normed = (block: Block, x: Matrix, name: string): Matrix => x.map((row) => rmsNorm(row, block.vector(name)));
const finishOf =
  (model: RandomModel, name = 'output_norm') =>
  (row: Row) =>
    rmsNorm(row, model.vector(`${name}.weight`));

describe('decoders with a state of fixed size agree with a scalar evaluation', () => {
  it('lfm2', async () => {
    const heads = { 'attn_q_norm.weight': head, 'attn_k_norm.weight': head };
    const short = {
      'shortconv.in_proj.weight': [width, 3 * width],
      'shortconv.conv.weight': [3, width],
      'shortconv.out_proj.weight': [width, width],
    };
    const tensors = mixedBlocks((i) => ({
      ...norm('attn_norm'),
      ...(i === 1 ? { ...QKV, ...heads } : short),
      ...norm('ffn_norm'),
      ...GATED,
    }));
    const metadata = { ...METADATA, ...RMS, 'attention.head_count_kv': Int32Array.of(0, 2, 0), 'shortconv.l_cache': 3 };
    const model = await randomModel('lfm2', metadata, {
      'token_embd.weight': ENDS['token_embd.weight'],
      ...norm('token_embd_norm'),
      ...tensors,
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = normed(block, x, 'attn_norm.weight');
          const attention = (): Matrix => {
            const { q, k, v } = separateHeads(block, input);
            const turned = (rows: typeof q, name: string) =>
              rotated(
                rows.map((parts) => parts.map((part) => rmsNorm(part, block.vector(name)))),
                'halves',
              );
            return attend(turned(q, 'attn_q_norm.weight'), turned(k, 'attn_k_norm.weight'), v).map((row) =>
              block.apply('attn_output', row),
            );
          };
          const y = plus(x, block.index === 1 ? attention() : shortConvolution(block, input));
          return y.map((row) => add(row, gated(block, rmsNorm(row, block.vector('ffn_norm.weight')))));
        },
        finish: finishOf(model, 'token_embd_norm'),
        head: 'token_embd',
      }),
    );
  });

  it('mamba2', async () => {
    const model = await randomModel(
      'mamba2',
      { ...METADATA, ...RMS, ...SPACE_METADATA },
      { ...ENDS, ...OUTPUT, ...mixedBlocks(() => ({ ...norm('attn_norm'), ...SPACE_TENSORS })) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => plus(x, stateSpace(block, normed(block, x, 'attn_norm.weight'), SPACE)),
        finish: finishOf(model),
      }),
    );
  });

  it('falcon-h1', async () => {
    const { 'ssm_norm.weight': _, ...space } = SPACE_TENSORS;
    const tensors = mixedBlocks(() => ({ ...norm('attn_norm'), ...QKV, ...space, ffn_norm: width, ...GATED }));
    const model = await randomModel(
      'falcon-h1',
      { ...METADATA, ...RMS, ...SPACE_METADATA },
      { ...ENDS, ...OUTPUT, ...tensors },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = normed(block, x, 'attn_norm.weight');
          const { q, k, v } = separateHeads(block, input);
          const attended = attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) =>
            block.apply('attn_output', row),
          );
          const y = sumOf([x, attended, stateSpace(block, input, SPACE, false)]);
          return y.map((row) => add(row, gated(block, rmsNorm(row, block.vector('ffn_norm')))));
        },
        finish: finishOf(model),
      }),
    );
  });

  it.each([false, true])('granitehybrid (experts: %s)', async (hasExperts) => {
    const experts = {
      'ffn_gate_inp.weight': [width, 6],
      'ffn_gate_exps.weight': [width, 48, 6],
      'ffn_up_exps.weight': [width, 48, 6],
      'ffn_down_exps.weight': [48, width, 6],
    };
    const shared = {
      'ffn_gate_shexp.weight': [width, 24],
      'ffn_up_shexp.weight': [width, 24],
      'ffn_down_shexp.weight': [24, width],
    };
    const tensors = mixedBlocks((i) => ({
      ...norm('attn_norm'),
      ...(i === 1 ? QKV : SPACE_TENSORS),
      ...norm('ffn_norm'),
      ...(hasExperts ? { ...experts, ...shared } : GATED),
    }));
    const multipliers = { embedding_scale: 1.5, residual_scale: 0.25, logit_scale: 2.5, 'attention.scale': 0.125 };
    const counts: Record<string, number> = hasExperts
      ? { expert_count: 6, expert_used_count: 2, expert_shared_feed_forward_length: 24 }
      : {};
    const metadata = {
      ...METADATA,
      ...RMS,
      ...SPACE_METADATA,
      ...multipliers,
      ...counts,
      'attention.head_count_kv': Int32Array.of(0, 2, 0),
      'rope.scaling.finetuned': false,
    };
    const model = await randomModel('granitehybrid', metadata, { ...ENDS, ...tensors });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => scale(row, 1.5),
        layer: (block, x) => {
          const input = normed(block, x, 'attn_norm.weight');
          const { q, k, v } = block.index === 1 ? separateHeads(block, input) : { q: [], k: [], v: [] };
          const mixed =
            block.index === 1
              ? attend(q, k, v, { scale: 0.125 }).map((row) => block.apply('attn_output', row))
              : stateSpace(block, input, SPACE);
          const y = plus(
            x,
            mixed.map((row) => scale(row, 0.25)),
          );
          const feed = (row: Row): Row =>
            hasExperts
              ? add(mixture(block, row, { used: 2, normalize: true }), gated(block, row, undefined, '_shexp'))
              : gated(block, row);
          return y.map((row) => add(row, scale(feed(rmsNorm(row, block.vector('ffn_norm.weight'))), 0.25)));
        },
        finish: (row) => scale(finishOf(model)(row), 1 / 2.5),
        head: 'token_embd',
      }),
    );
  });
});
