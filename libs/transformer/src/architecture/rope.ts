import type { TensorInfo } from '@starling/gguf';
import type { ModelReader } from './model-reader.js';
import type { RopeScaling, RopeSpec } from './block-spec.js';

/**
 * Divisors of the angles that files of an architecture may have: `one` set for all contexts (`rope_freqs`), or one for short and one for long
 * contexts (`rope_factors_short`, `rope_factors_long`), which is `byContext`; `byScaling`: the latter where the file names LongRoPE, else the former.
 */
export type RopeFactors = 'one' | 'byContext' | 'byScaling';

/** What an architecture says of its rotation; the rest comes from the metadata under `rope.`. */
export interface RopeOptions {
  readonly style: RopeSpec['style'];
  /** Default: `rope.dimension_count`, else the length of a key. */
  readonly dimensions?: number;
  /** Default: `rope.freq_base`, else 10,000. */
  readonly base?: number;
  /** Default: as the metadata says. */
  readonly scaling?: RopeScaling;
  /** What cosines and sines are multiplied by. Default: `rope.scaling.attn_factor`, and what YaRN sharpens by. */
  readonly magnitude?: number;
  /** How much of the sharpening by YaRN is in the scale of the scores already. Default: none of it. */
  readonly logMultiplier?: number;
  /** Divisors of this layer's angles. Default: none, and a file that has some for no layer is refused. */
  readonly factors?: RopeFactors;
  /** Elements that the file's factors are for, where this layer turns fewer: it takes the first. Default: `dimensions`. */
  readonly factoredDimensions?: number;
}

/** The rotation of a layer as the metadata and tensors of the file describe it. */
export function ropeOf(reader: ModelReader, keyLength: number, options: RopeOptions): RopeSpec {
  const dimensions = options.dimensions ?? reader.optionalCount('rope.dimension_count') ?? keyLength;
  const scaling = options.scaling ?? scalingOf(reader);
  if (dimensions > keyLength || dimensions % 2 !== 0)
    throw reader.invalid(`asks for ${dimensions} rotated elements in keys of ${keyLength}`);
  return {
    style: options.style,
    dimensions,
    base: options.base ?? reader.optionalNumber('rope.freq_base') ?? 10_000,
    scaling,
    factors: options.factors && factorsOf(reader, options.factors, (options.factoredDimensions ?? dimensions) / 2),
    magnitude:
      options.magnitude ??
      (reader.optionalNumber('rope.scaling.attn_factor') ?? 1) *
        scalingMagnitude(reader, scaling, options.logMultiplier),
  };
}

/** Types of scaling that files may name. LongRoPE divides angles by tensors of the file; a factor beside them stretches as linear scaling does. */
const SCALING_TYPES: readonly string[] = ['none', 'linear', 'yarn', 'longrope'];

/**
 * The type of scaling that the file names, which must be one that is known even where nothing is rotated. None named means linear.
 * @throws StarlingError `unsupported_model`
 */
export function scalingTypeOf(reader: ModelReader): string {
  const key = 'rope.scaling.type';
  const type = reader.string(key) ?? 'linear';
  if (!SCALING_TYPES.includes(type)) throw reader.unsupportedValue(key, type, SCALING_TYPES);
  return type;
}

/** The scaling that `rope.scaling.*` asks for. A factor without a type means linear. */
export function scalingOf(reader: ModelReader): RopeScaling {
  const type = scalingTypeOf(reader);
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

/** YaRN sharpens attention by 0.1 ln(factor) + 1 (Peng et al., 2023). */
function scalingMagnitude(reader: ModelReader, scaling: RopeScaling, logMultiplier = 0): number {
  if (scaling.kind !== 'yarn') return 1;
  reader.excuseKeys('the reference computes it from the factor', 'rope.scaling.yarn_attn_factor');
  const whole = yarnScale(scaling.factor, 1);
  return logMultiplier === 0 ? whole : whole / yarnScale(scaling.factor, logMultiplier);
}

/** 0.1 * multiplier * ln(factor) + 1. */
export function yarnScale(factor: number, multiplier: number): number {
  return factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1;
}

const [ONE, SHORT, LONG] = ['rope_freqs.weight', 'rope_factors_short.weight', 'rope_factors_long.weight'];

/** Excuses factors of the rotation that files of this architecture may have and the reference does not use. */
export function withoutFactors(reader: ModelReader, kind: RopeFactors): void {
  reader.excuseTensors(
    'the reference does not use factors of the rotation in this architecture',
    ...(isByContext(reader, kind) ? [SHORT, LONG] : [ONE]),
  );
}

const isByContext = (reader: ModelReader, kind: RopeFactors): boolean =>
  kind === 'byContext' || (kind === 'byScaling' && scalingTypeOf(reader) === 'longrope');

/** The divisors of the angles in the context that is run, if the file has them. */
function factorsOf(reader: ModelReader, kind: RopeFactors, pairs: number): TensorInfo | undefined {
  if (!isByContext(reader, kind)) return reader.optionalVector(ONE, pairs);
  const long = (reader.contextLength ?? reader.count('context_length')) > originalContextOf(reader);
  const [read, other] = long ? [LONG, SHORT] : [SHORT, LONG];
  const factors = reader.optionalVector(read, pairs);
  // Only beside factors that are used; alone, a file that has half of a pair would be run without any.
  if (factors) reader.excuseTensors('factors of the rotation for contexts of another length', other);
  return factors;
}

/**
 * Angles that a position adds to each pair, in radians.
 * @param factors divisors, one for each pair
 */
export function ropeFrequencies(
  { dimensions, base, scaling }: Pick<RopeSpec, 'dimensions' | 'base' | 'scaling'>,
  factors?: ArrayLike<number>,
): Float64Array {
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
function yarnRamp(
  dimensions: number,
  base: number,
  { originalContext, betaFast, betaSlow }: Extract<RopeScaling, { kind: 'yarn' }>,
): (pair: number) => number {
  const pairWithTurns = (turns: number): number =>
    (dimensions * Math.log(originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const low = Math.max(0, Math.floor(pairWithTurns(betaFast)));
  const high = Math.min(dimensions - 1, Math.ceil(pairWithTurns(betaSlow)));
  return (pair) => 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
}
