import type { TensorInfo } from '@starling/gguf';
import type { ModelReader } from './model-reader.js';
import type { RopeScaling, RopeSpec } from './block-spec.js';

/** What an architecture says of its rotation; the rest comes from the metadata under `rope.`. */
export interface RopeOptions {
  readonly style: RopeSpec['style'];
  /** Default: `rope.dimension_count`, else the length of a key. */
  readonly dimensions?: number;
  /** Default: `rope.freq_base`, else 10,000. */
  readonly base?: number;
  /** Default: as the metadata says. */
  readonly scaling?: RopeScaling;
  readonly magnitude?: number;
}

/** The rotation of a layer as the metadata and tensors of the file describe it. */
export function ropeOf(reader: ModelReader, keyLength: number, options: RopeOptions): RopeSpec {
  const dimensions = options.dimensions ?? reader.optionalCount('rope.dimension_count') ?? keyLength;
  const scaling = options.scaling ?? scalingOf(reader);
  if (dimensions > keyLength || dimensions % 2 !== 0) throw reader.invalid(`asks for ${dimensions} rotated elements in keys of ${keyLength}`);
  return {
    style: options.style,
    dimensions,
    base: options.base ?? reader.optionalNumber('rope.freq_base') ?? 10_000,
    scaling,
    factors: factorsOf(reader, dimensions / 2),
    magnitude: options.magnitude ?? (reader.optionalNumber('rope.scaling.attn_factor') ?? 1) * yarnMagnitude(reader, scaling),
  };
}

/** The scaling that `rope.scaling.*` asks for. A factor without a type means linear. */
export function scalingOf(reader: ModelReader): RopeScaling {
  const type = reader.string('rope.scaling.type') ?? 'linear';
  const factor = reader.optionalNumber('rope.scaling.factor') ?? reader.optionalNumber('rope.scale_linear') ?? 1;
  if (type === 'yarn') {
    return {
      kind: 'yarn',
      factor: factor === 0 ? 1 : factor,
      originalContext: originalContextOf(reader),
      betaFast: reader.optionalNumber('rope.scaling.yarn_beta_fast') ?? 32,
      betaSlow: reader.optionalNumber('rope.scaling.yarn_beta_slow') ?? 1,
    };
  }
  return type === 'none' || factor === 1 || factor === 0 ? { kind: 'none' } : { kind: 'linear', factor };
}

/** The context before it was stretched. */
export function originalContextOf(reader: ModelReader): number {
  return reader.optionalCount('rope.scaling.original_context_length') ?? reader.count('context_length');
}

/** YaRN sharpens attention by 0.1 ln(factor) + 1 (Peng et al., 2023); files may say how much of it is already in the scale of the scores. */
function yarnMagnitude(reader: ModelReader, scaling: RopeScaling): number {
  if (scaling.kind !== 'yarn') return 1;
  const logMultiplier = reader.optionalNumber('rope.scaling.yarn_log_multiplier') ?? 0;
  const whole = yarnScale(scaling.factor, 1);
  return logMultiplier === 0 ? whole : whole / yarnScale(scaling.factor, logMultiplier);
}

/** 0.1 * multiplier * ln(factor) + 1. */
export function yarnScale(factor: number, multiplier: number): number {
  return factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1;
}

/** Divisors of the angles: one set for all contexts, or one for short and one for long ones. */
function factorsOf(reader: ModelReader, pairs: number): TensorInfo | undefined {
  if (reader.has('rope_freqs.weight')) return reader.vector('rope_freqs.weight', pairs);
  const long = (reader.contextLength ?? reader.count('context_length')) > originalContextOf(reader);
  return reader.optionalVector(`rope_factors_${long ? 'long' : 'short'}.weight`, pairs);
}

/**
 * Angles that a position adds to each pair, in radians.
 * @param factors divisors, one for each pair
 */
export function ropeFrequencies({ dimensions, base, scaling }: Pick<RopeSpec, 'dimensions' | 'base' | 'scaling'>, factors?: ArrayLike<number>): Float64Array {
  const ramp = scaling.kind === 'yarn' ? yarnRamp(dimensions, base, scaling) : undefined;
  return Float64Array.from({ length: dimensions / 2 }, (_, pair) => {
    const plain = base ** ((-2 * pair) / dimensions) / (factors?.[pair] ?? 1);
    if (scaling.kind === 'none') return plain;
    const stretched = plain / scaling.factor;
    if (!ramp) return stretched;
    const kept = ramp(pair);
    return stretched * (1 - kept) + plain * kept;
  });
}

/** The share of a pair's plain frequency that YaRN keeps: 1 for fast pairs, 0 for slow ones, linear between. */
function yarnRamp(dimensions: number, base: number, { originalContext, betaFast, betaSlow }: Extract<RopeScaling, { kind: 'yarn' }>): (pair: number) => number {
  const pairWithTurns = (turns: number): number => (dimensions * Math.log(originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const low = Math.max(0, Math.floor(pairWithTurns(betaFast)));
  const high = Math.min(dimensions - 1, Math.ceil(pairWithTurns(betaSlow)));
  return (pair) => 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
}
