import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel } from './random-model.js';
import { gated, plus, runDecoder, separateHeads } from './reference-decoder.js';
import { add, attend, rmsNorm, rotate, type Matrix } from './scalar-math.js';

const { width, head } = SHAPE;
const [ONE, SHORT, LONG] = ['rope_freqs.weight', 'rope_factors_short.weight', 'rope_factors_long.weight'];

describe('llama divides angles', () => {
  it.each([
    ['by one set of factors, whatever the context', { 'rope.scaling.original_context_length': 16 }, [ONE], ONE],
    [
      'by those for long contexts, where LongRoPE is stretched',
      { 'rope.scaling.type': 'longrope', 'rope.scaling.original_context_length': 16 },
      [SHORT, LONG],
      LONG,
    ],
    [
      'by those for short contexts, where it is not',
      { 'rope.scaling.type': 'longrope', 'rope.scaling.original_context_length': 64 },
      [SHORT, LONG],
      SHORT,
    ],
  ])('%s', async (_, metadata, names, used) => {
    const block = { 'attn_norm.weight': width, ...QKV, 'ffn_norm.weight': width, ...GATED };
    const factors = Object.fromEntries(names.map((name) => [name, head / 2]));
    const model = await randomModel(
      'llama',
      { ...METADATA, ...RMS, ...metadata },
      { ...ENDS, ...OUTPUT, ...factors, ...blocks(block) },
    );
    const divisors = model.vector(used);
    const turned = (rows: Matrix[]): Matrix[] =>
      rows.map((parts, position) => parts.map((part) => rotate(part, position, 'pairs', head, 10_000, divisors)));
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(turned(q), turned(k), v).map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) => add(row, gated(part, rmsNorm(row, part.vector('ffn_norm.weight')))));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
