import { SHAPE } from './decoder.js';
import type { TensorShapes } from './random-model.js';
import { gated, mixture, rotated, type Block } from './reference-decoder.js';
import {
  add,
  attend,
  linear,
  multiply,
  rmsNorm,
  scale,
  sigmoid,
  silu,
  split,
  type Matrix,
  type Row,
} from './scalar-math.js';

/*
 * What decoders with gated delta nets have beside those: attention with gates, and experts beside a gated one.
 */

const { width, heads: queryHeads, kvHeads, head } = SHAPE;

export const GATED_ATTENTION: TensorShapes = {
  'attn_q.weight': [width, 2 * queryHeads * head],
  'attn_k.weight': [width, kvHeads * head],
  'attn_v.weight': [width, kvHeads * head],
  'attn_q_norm.weight': head,
  'attn_k_norm.weight': head,
  'attn_output.weight': [queryHeads * head, width],
};
export const EXPERTS: TensorShapes = {
  'ffn_gate_inp.weight': [width, 6],
  'ffn_gate_exps.weight': [width, 16, 6],
  'ffn_up_exps.weight': [width, 16, 6],
  'ffn_down_exps.weight': [16, width, 6],
  'ffn_gate_inp_shexp.weight': width,
  'ffn_gate_shexp.weight': [width, 24],
  'ffn_up_shexp.weight': [width, 24],
  'ffn_down_shexp.weight': [24, width],
};
export const expertCounts = {
  expert_count: 6,
  expert_used_count: 2,
  expert_feed_forward_length: 16,
  expert_shared_feed_forward_length: 24,
};

/** Each query with a gate beside it; four elements of a head are rotated. */
export function gatedAttention(block: Block, x: Matrix): Matrix {
  const both = x.map((row) => split(block.apply('attn_q', row), queryHeads).map((part) => split(part, 2)));
  const turned = (rows: Matrix[], name: string) =>
    rotated(
      rows.map((parts) => parts.map((part) => rmsNorm(part, block.vector(name)))),
      'halves',
      4,
    );
  const q = turned(
    both.map((parts) => parts.map(([query]) => query)),
    'attn_q_norm.weight',
  );
  const k = turned(
    x.map((row) => split(block.apply('attn_k', row), kvHeads)),
    'attn_k_norm.weight',
  );
  const v = x.map((row) => split(block.apply('attn_v', row), kvHeads));
  return attend(q, k, v).map((row, t) =>
    block.apply(
      'attn_output',
      multiply(
        row,
        both[t].flatMap(([, gate]) => gate.map(sigmoid)),
      ),
    ),
  );
}

export function expertsWithShared(block: Block, row: Row): Row {
  const [gate] = linear([block.vector('ffn_gate_inp_shexp.weight')], row);
  return add(
    mixture(block, row, { used: 2, normalize: true }),
    scale(gated(block, row, silu, '_shexp'), sigmoid(gate)),
  );
}
