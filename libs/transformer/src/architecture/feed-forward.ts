import type {
  BlockNorms,
  DenseSpec,
  FeedForwardSpec,
  GatedFunctionSpec,
  LinearSpec,
  SharedExpertSpec,
} from './block-spec.js';
import { expertsOf, type ExpertsOptions } from './experts.js';
import type { ModelReader } from './model-reader.js';

/** A map of a feed-forward block: its scale comes after its bias. */
const mapOf = (reader: ModelReader, name: string, rows: number, columns: number): LinearSpec => ({
  ...reader.linear(name, rows, columns),
  scalesBias: true,
});

/** A feed-forward block with a gate: `ffn_gate` and `ffn_up`, or both in `ffn_up`, the gate first. */
export function gatedOf(
  reader: ModelReader,
  layer: number,
  norms: BlockNorms,
  activation: GatedFunctionSpec,
  length = reader.count('feed_forward_length', layer),
): DenseSpec {
  return denseOf(reader, `blk.${layer}`, '', norms, activation, length);
}

/** A feed-forward block without a gate. */
export function plainOf(
  reader: ModelReader,
  layer: number,
  norms: BlockNorms,
  activation: GatedFunctionSpec,
  suffix = '',
  length = reader.count('feed_forward_length', layer),
): DenseSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  return {
    kind: 'dense',
    norms,
    input: { kind: 'plain', up: mapOf(reader, `${block}.ffn_up${suffix}`, length, width) },
    activation,
    down: mapOf(reader, `${block}.ffn_down${suffix}`, width, length),
  };
}

/** The expert that every token goes through: `ffn_up_shexp` and its like, with a gate or without, as long as the file has it, with `ffn_gate_inp_shexp` as its gate. */
function sharedExpertOf(reader: ModelReader, layer: number, activation: GatedFunctionSpec = 'silu'): SharedExpertSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const { rowLength: length } = reader.vector(`${block}.ffn_down_shexp.weight`);
  const isPlain =
    !reader.has(`${block}.ffn_gate_shexp.weight`) && reader.vector(`${block}.ffn_up_shexp.weight`).rowCount === length;
  return {
    dense: isPlain
      ? plainOf(reader, layer, {}, activation, '_shexp', length)
      : denseOf(reader, block, '_shexp', {}, activation, length),
    gate: reader.optionalLinear(`${block}.ffn_gate_inp_shexp`, 1, width),
  };
}

/** What differs between feed-forward blocks of layers of which some may have experts. */
export type FeedForwardOptions = Omit<ExpertsOptions, 'norms'> & {
  /** Default: that of the experts. */
  readonly denseActivation?: GatedFunctionSpec;
};

/** Silu within the bounds that a file may have for the gates of a layer's experts, and for those of its dense blocks; 0 means none. */
export function limitsOf(
  reader: ModelReader,
  layer: number,
): Pick<FeedForwardOptions, 'activation' | 'denseActivation'> {
  const limited = (key: string): GatedFunctionSpec => {
    const limit = reader.perLayer(key, layer) ?? 0;
    return limit > 1e-6 ? { kind: 'limitedSwiglu', limit } : 'silu';
  };
  return { activation: limited('swiglu_clamp_exp'), denseActivation: limited('swiglu_clamp_shexp') };
}

/** Experts where the layer has a router, beside a shared one where the file has it; else a block with a gate. */
export function feedForwardOf(
  reader: ModelReader,
  layer: number,
  norms: BlockNorms,
  { denseActivation, ...options }: FeedForwardOptions = {},
): FeedForwardSpec {
  const block = `blk.${layer}`;
  if (!reader.has(`${block}.ffn_gate_inp.weight`))
    return gatedOf(reader, layer, norms, denseActivation ?? options.activation ?? 'silu');
  const shared = reader.has(`${block}.ffn_down_shexp.weight`)
    ? sharedExpertOf(reader, layer, denseActivation ?? options.activation)
    : undefined;
  return expertsOf(reader, layer, { norms, shared, ...options });
}

/** What the reference runs of a layer's experts where it takes the layer for a dense one: the activation, and none of the matrices. */
export function activationOnly(reader: ModelReader, layer: number, norms: BlockNorms): FeedForwardSpec {
  const tensors = new RegExp(
    `^blk\\.${layer}\\.(ffn_(gate_inp|(gate|up|down|gate_up)_(exps|shexp))\\.(weight|scale)|exp_probs_b(\\.bias)?)$`,
  );
  reader.excuseTensors('the reference does not run the experts of this layer', tensors);
  return { kind: 'activation', norms, activation: 'silu' };
}

/** Excuses the dense blocks that files may have in layers with experts too. */
export function withoutDenseBesideExperts(reader: ModelReader): void {
  for (let layer = 0; layer < reader.count('block_count'); layer++) {
    const block = `blk.${layer}`;
    if (!reader.has(`${block}.ffn_gate_inp.weight`)) continue;
    reader.excuseTensors(
      'layers with experts have no dense block, and the reference does not run it',
      `${block}.ffn_gate.weight`,
      `${block}.ffn_up.weight`,
      `${block}.ffn_down.weight`,
    );
  }
}

function denseOf(
  reader: ModelReader,
  block: string,
  suffix: string,
  norms: BlockNorms,
  activation: GatedFunctionSpec,
  length: number,
): DenseSpec {
  const width = reader.count('embedding_length');
  const map = (name: string, rows: number, columns: number): LinearSpec =>
    mapOf(reader, `${block}.${name}${suffix}`, rows, columns);
  const input = reader.has(`${block}.ffn_gate${suffix}.weight`)
    ? ({ kind: 'gated', gate: map('ffn_gate', length, width), up: map('ffn_up', length, width) } as const)
    : ({ kind: 'fused', gateUp: map('ffn_up', 2 * length, width) } as const);
  return { kind: 'dense', norms, input, activation, down: map('ffn_down', width, length) };
}
