import {
  BIASED_PLAIN,
  ENDS,
  GATED,
  LAYER_NORM,
  METADATA,
  OUTPUT,
  PLAIN,
  QKV,
  RMS,
  SHAPE,
  biased,
  blocks,
} from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { gated, plain, plus, rotated, runDecoder, separateHeads } from './reference-decoder.js';
import { add, attend, gelu, layerNorm, rmsNorm, scale, silu, squaredRelu } from './scalar-math.js';

const { width, head } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const normWithBias = (name: string) => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });

describe('decoders with separate projections agree with a scalar evaluation', () => {
  it('gemma', async () => {
    const model = await randomModel(
      'gemma',
      { ...METADATA, ...RMS },
      { ...ENDS, ...blocks({ ...norm('attn_norm'), ...QKV, ...norm('ffn_norm'), ...GATED }) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => scale(row, Math.sqrt(width)),
        layer: (block, x) => {
          const { q, k, v } = separateHeads(
            block,
            x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) => block.apply('attn_output', row)),
          );
          return y.map((row) => add(row, gated(block, rmsNorm(row, block.vector('ffn_norm.weight')), gelu)));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
        head: 'token_embd',
      }),
    );
  });

  it('internlm2', async () => {
    const model = await randomModel(
      'internlm2',
      { ...METADATA, ...RMS, 'rope.freq_base': 50_000.5 },
      { ...ENDS, ...OUTPUT, ...blocks({ ...norm('attn_norm'), ...QKV, ...norm('ffn_norm'), ...GATED }) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const { q, k, v } = separateHeads(
            block,
            x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
          );
          const turn = (rows: typeof q) => rotated(rows, 'pairs', head, 50_000.5);
          const y = plus(
            x,
            attend(turn(q), turn(k), v).map((row) => block.apply('attn_output', row)),
          );
          return y.map((row) => add(row, gated(block, rmsNorm(row, block.vector('ffn_norm.weight')), silu)));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it('minicpm', async () => {
    const metadata = { ...METADATA, ...RMS, embedding_scale: 12.5, residual_scale: 0.81, logit_scale: 4.5 };
    const model = await randomModel('minicpm', metadata, {
      ...ENDS,
      ...blocks({ ...norm('attn_norm'), ...QKV, ...norm('ffn_norm'), ...GATED }),
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => scale(row, 12.5),
        layer: (block, x) => {
          const { q, k, v } = separateHeads(
            block,
            x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(rotated(q, 'pairs'), rotated(k, 'pairs'), v).map((row) =>
              scale(block.apply('attn_output', row), 0.81),
            ),
          );
          return y.map((row) =>
            add(row, scale(gated(block, rmsNorm(row, block.vector('ffn_norm.weight')), silu), 0.81)),
          );
        },
        finish: (row) => scale(rmsNorm(row, model.vector('output_norm.weight')), 1 / 4.5),
        head: 'token_embd',
      }),
    );
  });

  it('phi2', async () => {
    const tensors = {
      ...ENDS,
      'output_norm.bias': width,
      ...biased(OUTPUT),
      ...blocks({ ...normWithBias('attn_norm'), ...biased(QKV), ...BIASED_PLAIN }),
    };
    const model = await randomModel('phi2', { ...METADATA, ...LAYER_NORM, 'rope.dimension_count': 4 }, tensors);
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const normed = x.map((row) =>
            layerNorm(row, block.vector('attn_norm.weight'), block.vector('attn_norm.bias')),
          );
          const { q, k, v } = separateHeads(block, normed);
          const attended = attend(rotated(q, 'halves', 4), rotated(k, 'halves', 4), v).map((row) =>
            block.apply('attn_output', row),
          );
          return plus(
            plus(x, attended),
            normed.map((row) => plain(block, row, gelu)),
          );
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight'), model.vector('output_norm.bias')),
      }),
    );
  });

  it('nemotron', async () => {
    const tensors = {
      ...ENDS,
      'output_norm.bias': width,
      ...OUTPUT,
      ...blocks({ ...normWithBias('attn_norm'), ...QKV, ...normWithBias('ffn_norm'), ...PLAIN }),
    };
    const model = await randomModel('nemotron', { ...METADATA, ...LAYER_NORM, 'rope.dimension_count': 4 }, tensors);
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const { q, k, v } = separateHeads(
            block,
            x.map((row) => layerNorm(row, block.vector('attn_norm.weight'), block.vector('attn_norm.bias'))),
          );
          const y = plus(
            x,
            attend(rotated(q, 'halves', 4), rotated(k, 'halves', 4), v).map((row) => block.apply('attn_output', row)),
          );
          return y.map((row) =>
            add(
              row,
              plain(block, layerNorm(row, block.vector('ffn_norm.weight'), block.vector('ffn_norm.bias')), squaredRelu),
            ),
          );
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight'), model.vector('output_norm.bias')),
      }),
    );
  });

  it.each([false, true])('command-r (norms of heads: %s)', async (normsHeads) => {
    const headNorms: TensorShapes = normsHeads
      ? { 'attn_q_norm.weight': [head, SHAPE.heads], 'attn_k_norm.weight': [head, SHAPE.kvHeads] }
      : {};
    const model = await randomModel(
      'command-r',
      { ...METADATA, ...LAYER_NORM, logit_scale: 0.0625 },
      { ...ENDS, ...blocks({ ...norm('attn_norm'), ...headNorms, ...QKV, ...GATED }) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const normed = x.map((row) => layerNorm(row, block.vector('attn_norm.weight')));
          const { q, k, v } = separateHeads(block, normed);
          const each = (rows: typeof q, name: string) =>
            normsHeads ? rows.map((parts) => parts.map((part, i) => layerNorm(part, block.matrix(name)[i]))) : rows;
          const attended = attend(
            rotated(each(q, 'attn_q_norm.weight'), 'pairs'),
            rotated(each(k, 'attn_k_norm.weight'), 'pairs'),
            v,
          ).map((row) => block.apply('attn_output', row));
          return plus(
            plus(x, attended),
            normed.map((row) => gated(block, row)),
          );
        },
        finish: (row) => scale(layerNorm(row, model.vector('output_norm.weight')), 0.0625),
        head: 'token_embd',
      }),
    );
  });

  it('cohere2', async () => {
    const metadata = {
      ...METADATA,
      ...LAYER_NORM,
      block_count: 5,
      logit_scale: 0.25,
      'attention.sliding_window': 6,
      'rope.freq_base_swa': 500.5,
    };
    const model = await randomModel('cohere2', metadata, {
      ...ENDS,
      ...blocks({ ...norm('attn_norm'), ...QKV, ...GATED }, 5),
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layers: 5,
        layer: (block, x) => {
          const normed = x.map((row) => layerNorm(row, block.vector('attn_norm.weight')));
          const { q, k, v } = separateHeads(block, normed);
          const sums =
            block.index % 4 === 3
              ? attend(q, k, v)
              : attend(rotated(q, 'pairs'), rotated(k, 'pairs'), v, { window: 6 });
          return plus(
            plus(
              x,
              sums.map((row) => block.apply('attn_output', row)),
            ),
            normed.map((row) => gated(block, row)),
          );
        },
        finish: (row) => scale(layerNorm(row, model.vector('output_norm.weight')), 0.25),
        head: 'token_embd',
      }),
    );
  });

  it('exaone4', async () => {
    const block = {
      ...QKV,
      'attn_q_norm.weight': head,
      'attn_k_norm.weight': head,
      ...norm('post_attention_norm'),
      ...GATED,
      ...norm('post_ffw_norm'),
    };
    const model = await randomModel(
      'exaone4',
      { ...METADATA, ...RMS, 'attention.sliding_window': 4 },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(part, x);
          const normed = (rows: typeof q, name: string) =>
            rows.map((parts) => parts.map((row) => rmsNorm(row, part.vector(name))));
          const sums = attend(
            rotated(normed(q, 'attn_q_norm.weight'), 'halves'),
            rotated(normed(k, 'attn_k_norm.weight'), 'halves'),
            v,
          );
          const y = plus(
            x,
            sums.map((row) => rmsNorm(part.apply('attn_output', row), part.vector('post_attention_norm.weight'))),
          );
          return y.map((row) => add(row, rmsNorm(gated(part, row), part.vector('post_ffw_norm.weight'))));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it('exaone4 of 64 layers: windows, and global layers without positions', async () => {
    const block = {
      ...QKV,
      'attn_q_norm.weight': head,
      'attn_k_norm.weight': head,
      ...norm('post_attention_norm'),
      ...GATED,
      ...norm('post_ffw_norm'),
    };
    const model = await randomModel(
      'exaone4',
      { ...METADATA, ...RMS, block_count: 64, 'attention.sliding_window': 5, 'rope.freq_base_swa': 500.5 },
      { ...ENDS, ...OUTPUT, ...blocks(block, 64) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layers: 64,
        layer: (part, x) => {
          const { q, k, v } = separateHeads(part, x);
          const normed = (rows: typeof q, name: string) =>
            rows.map((parts) => parts.map((row) => rmsNorm(row, part.vector(name))));
          const [queries, keys] = [normed(q, 'attn_q_norm.weight'), normed(k, 'attn_k_norm.weight')];
          const sums =
            part.index % 4 === 3
              ? attend(queries, keys, v)
              : attend(rotated(queries, 'halves'), rotated(keys, 'halves'), v, { window: 5 });
          const y = plus(
            x,
            sums.map((row) => rmsNorm(part.apply('attn_output', row), part.vector('post_attention_norm.weight'))),
          );
          return y.map((row) => add(row, rmsNorm(gated(part, row), part.vector('post_ffw_norm.weight'))));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it('glm4', async () => {
    const block = {
      ...norm('attn_norm'),
      ...QKV,
      ...norm('post_attention_norm'),
      ...norm('ffn_norm'),
      'ffn_up.weight': [width, 2 * SHAPE.ffn],
      'ffn_down.weight': [SHAPE.ffn, width],
      ...norm('post_ffw_norm'),
    };
    const model = await randomModel(
      'glm4',
      { ...METADATA, ...RMS, 'rope.dimension_count': 4 },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const sums = attend(rotated(q, 'pairs', 4), rotated(k, 'pairs', 4), v);
          const y = plus(
            x,
            sums.map((row) => rmsNorm(part.apply('attn_output', row), part.vector('post_attention_norm.weight'))),
          );
          return y.map((row) => {
            const both = part.apply('ffn_up', rmsNorm(row, part.vector('ffn_norm.weight')));
            const inner = both.slice(0, SHAPE.ffn).map((gate, i) => silu(gate) * both[SHAPE.ffn + i]);
            return add(row, rmsNorm(part.apply('ffn_down', inner), part.vector('post_ffw_norm.weight')));
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
