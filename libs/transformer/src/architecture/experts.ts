import type { ModelReader } from './model-reader.js';
import type { BlockNorms, ExpertsLinearSpec, ExpertsSpec } from './block-spec.js';

/** What differs between mixtures of experts; what is left out is as in Mixtral, but for the counts, which the file gives. */
export type ExpertsOptions = Partial<Omit<ExpertsSpec, 'kind' | 'router' | 'gate' | 'up' | 'down'>> & {
  readonly norms: BlockNorms;
  /** Length of an expert's inner rows. Default: `expert_feed_forward_length`, else `feed_forward_length`. */
  readonly length?: number;
  /** Products lose no more than rounding to f32 does. */
  readonly precise?: boolean;
};

/** The mixture of experts of a layer: `ffn_gate_inp` chooses among `ffn_gate_exps`, `ffn_up_exps` and `ffn_down_exps`. */
export function expertsOf(reader: ModelReader, layer: number, { length, precise, ...options }: ExpertsOptions): ExpertsSpec {
  const block = `blk.${layer}`;
  const width = reader.count('embedding_length');
  const count = options.count ?? reader.count('expert_count');
  const used = options.used ?? reader.count('expert_used_count', layer);
  const inner = length ?? reader.optionalCount('expert_feed_forward_length', layer) ?? reader.count('feed_forward_length', layer);
  if (used > count) throw reader.invalid(`asks for ${used} experts of ${count}`);
  const linear = (name: string, rows: number, columns: number): ExpertsLinearSpec => ({ ...reader.experts(`${block}.${name}`, count, rows, columns), precise });
  return {
    kind: 'experts',
    gating: 'softmax',
    normalize: true,
    weightScale: reader.optionalNumber('expert_weights_scale') || 1,
    selectionBias: reader.optionalVector(`${block}.exp_probs_b.bias`, count),
    activation: 'silu',
    ...options,
    count,
    used,
    router: reader.linear(`${block}.ffn_gate_inp`, count, width),
    gate: reader.has(`${block}.ffn_gate_exps.weight`) ? linear('ffn_gate_exps', inner, width) : undefined,
    up: linear('ffn_up_exps', inner, width),
    down: linear('ffn_down_exps', width, inner),
  };
}

/** Whether the file's layers have experts. */
export const hasExperts = (reader: ModelReader): boolean => (reader.optionalNumber('expert_count') ?? 0) > 0;
