import { ENDS, METADATA, OUTPUT, PLAIN, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel } from './random-model.js';
import { plain, plus, rotated, runDecoder, separateHeads } from './reference-decoder.js';
import { add, attend, rmsNorm, squaredRelu } from './scalar-math.js';

const { width } = SHAPE;

describe('arcee', () => {
  it('agrees with a scalar evaluation', async () => {
    const block = { 'attn_norm.weight': width, ...QKV, 'ffn_norm.weight': width, ...PLAIN };
    const model = await randomModel('arcee', { ...METADATA, ...RMS }, { ...ENDS, ...OUTPUT, ...blocks(block) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(rotated(q, 'pairs'), rotated(k, 'pairs'), v).map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) => add(row, plain(part, rmsNorm(row, part.vector('ffn_norm.weight')), squaredRelu)));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
