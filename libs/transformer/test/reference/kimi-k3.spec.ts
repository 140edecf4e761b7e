import { ENDS, GATED, OUTPUT, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { kimiDelta } from './kimi-delta.js';
import { INNER, LENGTH, LENGTHS, VALUE, apart, delta, kimiMetadata, latent, norm } from './kimi-tensors.js';
import { latentAttention } from './latent-attention.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { blockOf, mixture, type Block } from './reference-decoder.js';
import { add, dot, linear, rmsNorm, scale, sigmoid, softmax, sum, type Matrix, type Row } from './scalar-math.js';

const { width, heads, layers } = SHAPE;
const [FLOOR, BETA, LINEAR_BETA, EVERY, ROUTED] = [-1.5, 0.8, 1.2, 2, 20];

const projections: TensorShapes = {
  ...apart,
  'ssm_f_a.weight': [width, LENGTH],
  'ssm_f_b.weight': [LENGTH, INNER],
  'ssm_g.weight': [width, INNER],
};
const attention: TensorShapes = { ...latent, 'attn_gate.weight': [width, heads * VALUE] };
const experts: TensorShapes = {
  'ffn_gate_inp.weight': [width, 6],
  'exp_probs_b.bias': 6,
  'ffn_gate_exps.weight': [ROUTED, 16, 6],
  'ffn_up_exps.weight': [ROUTED, 16, 6],
  'ffn_down_exps.weight': [16, ROUTED, 6],
  'ffn_routed_down.weight': [width, ROUTED],
  'ffn_routed_up.weight': [ROUTED, width],
  ...norm('ffn_routed_norm', ROUTED),
  'ffn_gate_shexp.weight': [width, 24],
  'ffn_up_shexp.weight': [width, 24],
  'ffn_down_shexp.weight': [24, width],
};

function situ(gate: Row, up: Row, linearBeta: number): Row {
  const bounded = linearBeta > 0 ? up.map((value) => linearBeta * Math.tanh(value / linearBeta)) : up;
  return gate.map((value, i) => BETA * Math.tanh(value / BETA) * sigmoid(value) * bounded[i]);
}

function feedForward(block: Block, row: Row, linearBeta: number): Row {
  const dense = (suffix: string): Row =>
    block.apply(
      `ffn_down${suffix}`,
      situ(block.apply(`ffn_gate${suffix}`, row), block.apply(`ffn_up${suffix}`, row), linearBeta),
    );
  if (!block.optionalVector('ffn_gate_inp.weight')) return dense('');
  const [gates, ups, downs] = ['ffn_gate_exps', 'ffn_up_exps', 'ffn_down_exps'].map((name) =>
    block.matrices(`${name}.weight`),
  );
  const short = block.apply('ffn_routed_down', row);
  const routed = mixture(block, row, {
    used: 2,
    gating: 'sigmoid',
    normalize: true,
    weightScale: 2.5,
    expert: (i) => linear(downs[i], situ(linear(gates[i], short), linear(ups[i], short), linearBeta)),
  });
  return add(block.apply('ffn_routed_up', rmsNorm(routed, block.vector('ffn_routed_norm.weight'))), dense('_shexp'));
}

/** What a block reads: each source weighted by the softmax of what a vector says of it, normalized. */
function attended(sources: Matrix, score: Row): Row {
  const weights = softmax(sources.map((row) => dot(rmsNorm(row, undefined), score)));
  return sum(sources.map((row, i) => scale(row, weights[i])));
}

describe('kimi-k3', () => {
  it.each([
    ['a stream that starts anew', EVERY, LINEAR_BETA],
    ['a stream that does not, and gates that bound nothing else', 0, 0],
  ])('agrees with a scalar evaluation with %s', async (_, every, linearBeta) => {
    const scores: TensorShapes = every > 0 ? { ...norm('attn_res_score'), ...norm('ffn_res_score') } : {};
    const tensors = Object.fromEntries(
      Array.from({ length: layers }, (__, i) =>
        Object.entries({
          ...norm('attn_norm'),
          ...(i === 1 ? attention : { ...delta, ...projections }),
          ...norm('ffn_norm'),
          ...(i === 0 ? GATED : experts),
          ...scores,
        }).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
      ).flat(),
    );
    const metadata = {
      ...kimiMetadata,
      'kda.gate_lower_bound': FLOOR,
      'attn_res.block_size': every,
      'activation.situ_beta': BETA,
      'activation.situ_linear_beta': linearBeta,
      expert_weights_norm: true,
      expert_latent_length: ROUTED,
    };
    const model = await randomModel('kimi-k3', metadata, {
      ...ENDS,
      ...OUTPUT,
      ...(every > 0 ? norm('output_res_score') : {}),
      ...tensors,
    });
    await expectAgreement(model, (tokens) => {
      const table = model.matrix('token_embd.weight');
      let stream = tokens.map((token) => table[token]);
      const kept: Matrix[] = [];
      const read = (rows: Matrix, score: string): Matrix =>
        kept.length === 0
          ? rows
          : rows.map((row, t) => attended([...kept.map((copy) => copy[t]), row], model.vector(score)));
      for (let index = 0; index < layers; index++) {
        const block = blockOf(model, index);
        const bare: Block = { ...block, apply: (name, row) => linear(block.matrix(`${name}.weight`), row) };
        const input = read(stream, `blk.${index}.attn_res_score.weight`).map((row) =>
          rmsNorm(row, block.vector('attn_norm.weight')),
        );
        const mixed =
          index === 1
            ? latentAttention(block, input, LENGTHS, {
                turn: (part) => part,
                gate: (row) => block.apply('attn_gate', row).map(sigmoid),
              })
            : kimiDelta(bare, input, heads, (step, rate) => FLOOR * sigmoid(-rate * step));
        const startsAnew = every > 0 && index % every === 0;
        if (startsAnew) kept.push(stream);
        const summed = startsAnew ? mixed : mixed.map((row, t) => add(row, stream[t]));
        const fed = read(summed, `blk.${index}.ffn_res_score.weight`).map((row) =>
          feedForward(block, rmsNorm(row, block.vector('ffn_norm.weight')), linearBeta),
        );
        stream = summed.map((row, t) => add(row, fed[t]));
      }
      return read(stream, 'output_res_score.weight').map((row) =>
        linear(model.matrix('output.weight'), rmsNorm(row, model.vector('output_norm.weight'))),
      );
    });
  });
});
