import type { Gating } from '@starling/kernels/internal';
import type { BlockNorms, ExpertsLinearSpec, ExpertsSpec, LatentSpec } from './block-spec.js';
import type { ModelReader } from './model-reader.js';
import { optionalNorm } from './parts.js';

/** What differs between mixtures of experts; what is left out is as the file says, else as in Mixtral. */
export type ExpertsOptions = Partial<Omit<ExpertsSpec, 'kind' | 'input' | 'down'>> & {
  readonly norms: BlockNorms;
  /** How scores become weights where the file does not say. Default: softmax. */
  readonly gating?: Gating;
  /** False: weights are divided by their sum only where the file says so. Default true. */
  readonly normalize?: boolean;
  /** Products lose no more than rounding to f32 does. */
  readonly precise?: boolean;
};

/** How files number the functions that make weights of experts' scores; 0 means that the file does not say. */
const GATINGS: readonly (Gating | undefined)[] = [undefined, 'softmax', 'sigmoid', 'softmaxOfUsed', 'sqrtSoftplus'];

/** The mixture of experts of a layer: `ffn_gate_inp` chooses among `ffn_gate_exps`, `ffn_up_exps` (or both as `ffn_gate_up_exps`) and `ffn_down_exps`. */
export function expertsOf(
  reader: ModelReader,
  layer: number,
  { precise, gating = 'softmax', normalize = true, ...options }: ExpertsOptions,
): ExpertsSpec {
  const block = `blk.${layer}`;
  const width = reader.count('embedding_length');
  const count = options.count ?? reader.count('expert_count');
  const used = options.used ?? reader.count('expert_used_count', layer);
  if (used > count) throw reader.invalid(`asks for ${used} experts of ${count}`);
  return {
    kind: 'experts',
    weightScale: reader.optionalNumber('expert_weights_scale') || 1,
    selectionBias:
      reader.optionalVector(`${block}.exp_probs_b.bias`, count) ?? reader.optionalVector(`${block}.exp_probs_b`, count),
    groups: groupsOf(reader, count, used),
    activation: 'silu',
    ...options,
    router: options.router ?? reader.linear(`${block}.ffn_gate_inp`, count, width),
    gating: gatingOf(reader) ?? gating,
    normalize: normalize || (reader.boolean('expert_weights_norm') ?? false),
    count,
    used,
    ...matricesOf(reader, block, {
      width: options.latent?.down.rows ?? width,
      count,
      precise,
      length: reader.optionalCount('expert_feed_forward_length', layer),
    }),
  };
}

interface MatrixShape {
  readonly width: number;
  readonly count: number;
  readonly length?: number;
  readonly precise?: boolean;
}

function matricesOf(
  reader: ModelReader,
  block: string,
  { width, count, length, precise }: MatrixShape,
): Pick<ExpertsSpec, 'input' | 'down'> {
  const linear = (name: string, rows: number, columns: number): ExpertsLinearSpec => ({
    ...reader.experts(`${block}.${name}`, count, rows, columns),
    precise,
  });
  // Files that have no length of their own for experts leave it to the tensors.
  const inner = length ?? reader.vector(`${block}.ffn_down_exps.weight`).rowLength;
  const down = linear('ffn_down_exps', width, inner);
  if (reader.has(`${block}.ffn_gate_up_exps.weight`)) {
    const gateUp = linear('ffn_gate_up_exps', 2 * inner, width);
    return {
      input: {
        kind: 'fused',
        gateUp: { ...gateUp, scale: gateUp.scale ?? reader.optionalVector(`${block}.ffn_up_exps.scale`, count) },
      },
      down,
    };
  }
  const up = linear('ffn_up_exps', inner, width);
  if (!reader.has(`${block}.ffn_gate_exps.weight`)) return { input: { kind: 'plain', up }, down };
  return { input: { kind: 'gated', gate: linear('ffn_gate_exps', inner, width), up }, down };
}

/** The maps of a layer's experts to rows of another length and back, if the file has them: `NAME_down`, `NAME_norm` and `NAME_up`. */
export function latentOf(reader: ModelReader, layer: number, name: string): LatentSpec | undefined {
  const full = `blk.${layer}.${name}`;
  if (!reader.has(`${full}_down.weight`)) return undefined;
  const width = reader.count('embedding_length');
  const { rowCount: length } = reader.vector(`${full}_down.weight`);
  return {
    down: reader.linear(`${full}_down`, length, width),
    norm: optionalNorm(reader, 'rms', `${full}_norm`, length),
    up: reader.linear(`${full}_up`, width, length),
  };
}

/** How scores become weights, if the file says. */
function gatingOf(reader: ModelReader): Gating | undefined {
  const number = reader.optionalNumber('expert_gating_func') ?? 0;
  if (!(number in GATINGS)) throw reader.invalid(`has the gating function ${number}, which is not known`);
  return GATINGS[number];
}

/** The groups that experts are chosen from, if the file has any. */
function groupsOf(reader: ModelReader, count: number, used: number): ExpertsSpec['groups'] {
  const groups = reader.optionalCount('expert_group_count') ?? 1;
  const groupsUsed =
    reader.optionalCount('expert_group_used_count') ?? (groups === 1 ? 1 : reader.count('expert_group_used_count'));
  if (groups === 1 && groupsUsed === 1) return undefined;
  if (count % groups !== 0 || groupsUsed > groups || used > (count / groups) * groupsUsed) {
    throw reader.invalid(
      `asks for ${used} experts from ${groupsUsed} of ${groups} groups of ${count} experts, which do not give them`,
    );
  }
  return { count: groups, used: groupsUsed };
}
