import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement, expectSameInSeveralMemories } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { blockOf, gated, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import { add, attend, multiply, rmsNorm, scale, sigmoid, silu, type Matrix } from './scalar-math.js';

const { width, head, heads } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const plainNorm = (rows: Matrix): Matrix => rows.map((row) => rmsNorm(row, undefined));

/** Attention with a gate for each element, then the feed-forward block, on norms without weights. */
function gatedLayer(block: Block, x: Matrix): Matrix {
  const inputs = plainNorm(x);
  const { q, k, v } = separateHeads(block, inputs);
  const sums = attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row, i) =>
    multiply(row, block.apply('attn_gate', inputs[i]).map(sigmoid)),
  );
  const y = plus(
    x,
    sums.map((row) => block.apply('attn_output', row)),
  );
  return y.map((row) => add(row, gated(block, rmsNorm(row, undefined))));
}

describe('decoders whose residual stream is more than a sum of blocks agree with a scalar evaluation', () => {
  it('talkie: the embeddings added again after each layer', async () => {
    const block = { ...QKV, 'attn_q_norm.weight': [1, heads], ...GATED, 'layer_output_scale.weight': 1 } as const;
    const model = await randomModel(
      'talkie',
      { ...METADATA, ...RMS, logit_scale: 0.6 },
      { 'token_embd.weight': [width, SHAPE.vocabulary], ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) => {
      const table = model.matrix('token_embd.weight');
      const embedded = plainNorm(tokens.map((token) => table[token]));
      return runDecoder(model, tokens, {
        embed: (row) => rmsNorm(row, undefined),
        layer: (part, x) => {
          const { q, k, v } = separateHeads(part, plainNorm(x));
          const factors = part.vector('attn_q_norm.weight');
          const queries = rotated(q, 'halves').map((parts) =>
            parts.map((row, i) => scale(rmsNorm(row, undefined), factors[i])),
          );
          const y = plus(
            x,
            attend(queries, rotated(k, 'halves').map(plainNorm), v).map((row) => part.apply('attn_output', row)),
          );
          const z = y.map((row) => add(row, gated(part, rmsNorm(row, undefined))));
          return plus(
            z,
            embedded.map((row) => scale(row, part.vector('layer_output_scale.weight')[0])),
          );
        },
        finish: (row) => rmsNorm(row, undefined),
        logits: (row) => scale(row, 0.6),
      });
    });
    await expectSameInSeveralMemories(model, 1.3e6);
  });

  it('hrm_text: two stacks that renew two states in turns', async () => {
    const [depth, cycles, fastRuns] = [2, 2, 3];
    const metadata = {
      ...METADATA,
      ...RMS,
      block_count: depth * cycles * (fastRuns + 1),
      embedding_scale: 3.5,
      'hrm.layers_per_stack': depth,
      'hrm.h_cycles': cycles,
      'hrm.l_cycles': fastRuns,
      'hrm.prefix_lm': true,
    };
    const tensors: TensorShapes = {
      'token_embd.weight': [width, SHAPE.vocabulary],
      ...OUTPUT,
      'hrm.z_l_init': width,
      ...blocks({ ...QKV, 'attn_gate.weight': [width, heads * head], ...GATED }, 2 * depth),
    };
    const model = await randomModel('hrm_text', metadata, tensors);
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layers: 1,
        layer: (_, x) => {
          const stack = (first: number, input: Matrix): Matrix =>
            plainNorm([0, 1].reduce((rows, index) => gatedLayer(blockOf(model, first + index), rows), input));
          let slow = x.map((row) => scale(row, 3.5));
          let fast = x.map(() => model.vector('hrm.z_l_init'));
          for (let cycle = 0; cycle < cycles; cycle++) {
            for (let run = 0; run < fastRuns; run++) fast = stack(0, plus(slow, fast));
            slow = stack(depth, plus(slow, fast));
          }
          return slow;
        },
        finish: (row) => row,
      }),
    );
    await expectSameInSeveralMemories(model, 1.4e6);
  });

  it('deci: layers without attention, without a feed-forward block, with neither, and with a linear map', async () => {
    const kinds = ['both', 'linear', 'feedForward', 'attention', 'none'] as const;
    const has = (...some: (typeof kinds)[number][]) => kinds.map((kind) => some.includes(kind));
    const mixed = has('both', 'linear', 'attention');
    const attending = has('both', 'attention');
    const fed = has('both', 'linear', 'feedForward');
    const shapesOf = (i: number): TensorShapes => ({
      ...(mixed[i] ? { ...norm('attn_norm'), 'attn_output.weight': [width, width] } : {}),
      ...(attending[i] ? QKV : {}),
      ...(fed[i] ? { ...norm('ffn_norm'), ...GATED } : {}),
    });
    const tensors = kinds.flatMap((_, i) =>
      Object.entries(shapesOf(i)).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
    );
    const each = (flags: boolean[], value: number): Uint32Array =>
      Uint32Array.from(flags, (flag) => (flag ? value : 0));
    const metadata = {
      ...METADATA,
      ...RMS,
      block_count: kinds.length,
      'attention.head_count': each(mixed, heads),
      'attention.head_count_kv': each(attending, SHAPE.kvHeads),
      'attention.key_length': head,
      'attention.value_length': head,
      feed_forward_length: each(fed, SHAPE.ffn),
    };
    const model = await randomModel('deci', metadata, { ...ENDS, ...OUTPUT, ...Object.fromEntries(tensors) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layers: kinds.length,
        layer: (part, x, index) => {
          const normed = (): Matrix => x.map((row) => rmsNorm(row, part.vector('attn_norm.weight')));
          const attended = (): Matrix => {
            const { q, k, v } = separateHeads(part, normed());
            return attend(rotated(q, 'pairs'), rotated(k, 'pairs'), v);
          };
          const y = mixed[index]
            ? plus(
                x,
                (attending[index] ? attended() : normed()).map((row) => part.apply('attn_output', row)),
              )
            : x;
          return fed[index]
            ? y.map((row) => add(row, gated(part, rmsNorm(row, part.vector('ffn_norm.weight')), silu)))
            : y;
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
