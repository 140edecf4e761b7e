import { BIASED_PLAIN, ENDS, LAYER_NORM, METADATA, OUTPUT, SHAPE, biased, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel } from './random-model.js';
import { plain, plus, rotated, runDecoder, separateHeads } from './reference-decoder.js';
import { attend, gelu, layerNorm } from './scalar-math.js';

const { width, heads, head } = SHAPE;
const square = [width, heads * head];

describe('gptj', () => {
  it('agrees with a scalar evaluation', async () => {
    const block = {
      'attn_norm.weight': width,
      'attn_norm.bias': width,
      'attn_q.weight': square,
      'attn_k.weight': square,
      'attn_v.weight': square,
      'attn_output.weight': square,
      ...BIASED_PLAIN,
    };
    const metadata = { ...METADATA, ...LAYER_NORM, 'attention.head_count_kv': heads, 'rope.dimension_count': 4 };
    const model = await randomModel('gptj', metadata, {
      ...ENDS,
      'output_norm.bias': width,
      ...biased(OUTPUT),
      ...blocks(block),
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const normed = x.map((row) => layerNorm(row, part.vector('attn_norm.weight'), part.vector('attn_norm.bias')));
          const { q, k, v } = separateHeads(part, normed, heads, heads);
          const attended = attend(rotated(q, 'pairs', 4), rotated(k, 'pairs', 4), v).map((row) =>
            part.apply('attn_output', row),
          );
          return plus(
            plus(x, attended),
            normed.map((row) => plain(part, row, gelu)),
          );
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight'), model.vector('output_norm.bias')),
      }),
    );
  });
});
