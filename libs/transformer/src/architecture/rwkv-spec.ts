import type { TensorInfo } from '@starling/gguf';
import type { BlockNorms, ExpertsLinearSpec, LerpSpec, LinearSpec, MapSpec, NormSpec } from './block-spec.js';

/*
 * The blocks of RWKV that bring tokens together. Receptances, keys, values and the others are each made from a row between the token's and
 * that of the token before.
 */

/** What both have. */
interface TimeMixSpec {
  readonly norms: BlockNorms;
  readonly heads: number;
  readonly headLength: number;
  readonly receptance: LinearSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  /** Over each head's result, with weights of its own. */
  readonly innerNorm?: NormSpec;
  readonly output: LinearSpec;
}

/**
 * RWKV-6 (Peng et al., 2024), whose rows go as far towards the token before as the token asks: `lerps` and what comes out of `shifts`, in this
 * order for decays, keys, values, receptances and gates. Decays are e^(-e^decay(x)).
 */
export interface TimeMix6Spec extends TimeMixSpec {
  readonly kind: 'timeMix6';
  /** Heads of keys and values. */
  readonly kvHeads: number;
  readonly baseLerp: LerpSpec;
  /** From the row by `baseLerp` to five short rows, of which the hyperbolic tangent is taken, and from each of them back. */
  readonly shifts: { readonly first: LinearSpec; readonly last: ExpertsLinearSpec };
  readonly lerps: readonly LerpSpec[];
  readonly decay: MapSpec;
  readonly gate: LinearSpec;
  /** What the token itself has beyond those before it. Undefined: gated linear attention, with keys times 1 - decay and scores by the length. */
  readonly bonus?: TensorInfo;
  readonly gateActivation: 'silu' | 'sigmoid';
}

/**
 * RWKV-7 (Peng et al., 2025), whose state replaces what it has under a key. Decays are e^(-e^(-1/2) logistic(decay(x))), rates of replacement
 * logistic(rate(x)).
 */
export interface TimeMix7Spec extends TimeMixSpec {
  readonly kind: 'timeMix7';
  /** For receptances, decays, keys, values, rates and gates. */
  readonly lerps: readonly LerpSpec[];
  readonly decay: MapSpec;
  readonly rate: MapSpec;
  /** Through it values become those of the first layer, as far as its logistic says. Undefined: the layer is the first. */
  readonly valueMix?: MapSpec;
  readonly gate?: MapSpec;
  /** Keys times this, of length 1, are what is replaced. */
  readonly removalScale: TensorInfo;
  /** Keys are multiplied by 1 + (rate - 1) * this. */
  readonly keyScale: TensorInfo;
  /** Weight of the match of receptance and key, by which each value goes to the result itself. */
  readonly bonus: TensorInfo;
}
