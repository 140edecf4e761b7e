import { ENDS, METADATA, OUTPUT, PLAIN, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { plain, plus, rotated, runDecoder, separateHeads } from './reference-decoder.js';
import { add, attend, rmsNorm } from './scalar-math.js';

const { width, head, layers } = SHAPE;

/** xIELU (Huang and Schlag, 2025), from the numbers of a file. */
const xielu =
  (alphaP: number, alphaN: number, beta: number, epsilon: number) =>
  (x: number): number => {
    const softplus = (value: number): number => Math.log1p(Math.exp(value));
    return x > 0
      ? softplus(alphaP) * x ** 2 + beta * x
      : (beta + softplus(alphaN)) * (Math.expm1(Math.min(x, epsilon)) - x) + beta * x;
  };

describe('apertus agrees with a scalar evaluation', () => {
  const block: TensorShapes = {
    'attn_norm.weight': width,
    ...QKV,
    'attn_q_norm.weight': head,
    'attn_k_norm.weight': head,
    'ffn_norm.weight': width,
    ...PLAIN,
  };

  it.each([true, false])('with numbers for each layer: %s', async (forEach) => {
    const numbers = {
      alpha_p: [0.8, -0.4, 0.1],
      alpha_n: [0.3, 1.1, -0.7],
      beta: [0.5, 0.25, 0.75],
      eps: [-1e-6, -0.01, -1e-6],
    };
    const of = (name: keyof typeof numbers, layer: number): number => Math.fround(numbers[name][forEach ? layer : 0]);
    const shared = Object.fromEntries(
      Object.entries(numbers).map(([name, values]) => [
        `xielu.${name}`,
        forEach ? Float32Array.from(values) : values[0],
      ]),
    );
    const model = await randomModel(
      'apertus',
      { ...METADATA, ...RMS },
      { ...ENDS, ...OUTPUT, ...blocks(block, layers) },
      { shared },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const [queries, keys] = [q, k].map((rows, i) =>
            rotated(
              rows.map((parts) =>
                parts.map((values) =>
                  rmsNorm(values, part.vector(i === 0 ? 'attn_q_norm.weight' : 'attn_k_norm.weight')),
                ),
              ),
              'halves',
            ),
          );
          const y = plus(
            x,
            attend(queries, keys, v).map((row) => part.apply('attn_output', row)),
          );
          const activation = xielu(
            of('alpha_p', part.index),
            of('alpha_n', part.index),
            of('beta', part.index),
            of('eps', part.index),
          );
          return y.map((row) => add(row, plain(part, rmsNorm(row, part.vector('ffn_norm.weight')), activation)));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
