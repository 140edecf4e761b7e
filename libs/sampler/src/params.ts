import { parameterError, type StarlingError } from '@starling/core';

/** A bias for one token (by id) or for every token of a text; `false` bans them. What is no token of the vocabulary is refused. */
export type LogitBias =
  | readonly (readonly [number | string, number | false])[]
  | Readonly<Record<string, number | false>>;

/** How tokens are drawn. Names and meaning follow llama-server, in camel case. */
export interface SamplerParams {
  /** Seeds the generator, modulo 2^32. Undefined, and -1: a random seed. */
  seed?: number;
  /** Divides the logits; 0: always the most likely token. */
  temperature: number;
  /** Keeps the k most likely tokens; 0: all. */
  topK: number;
  /** Keeps the most likely tokens whose probabilities together reach p; 1: all. */
  topP: number;
  /** Keeps tokens at least p times as likely as the most likely one; 0: all. */
  minP: number;
  /** Keeps the tokens whose information is closest to the entropy, until their probabilities exceed p; 1: all. */
  typicalP: number;
  /** Keeps tokens within n standard deviations of the largest logit; 0 or less: all. */
  topNSigma: number;
  /** How often XTC removes the most likely tokens but one; 0: never. */
  xtcProbability: number;
  /** The probability from which XTC counts a token as likely; above 0.5: never. */
  xtcThreshold: number;
  /** Divides (or, below zero, multiplies) the logits of recent tokens; 1: off. */
  repeatPenalty: number;
  /** How many recent tokens, prompt included, the three penalties look at; 0: none, -1: all. */
  repeatLastN: number;
  /** Subtracted from the logits of recent tokens. */
  presencePenalty: number;
  /** Subtracted from the logits of recent tokens, once for each time they occur. */
  frequencyPenalty: number;
  /** Strength of the penalty on tokens that would lengthen a repetition; 0: off. */
  dryMultiplier: number;
  /** How the penalty grows with each further token of the repetition; below 1: the default. */
  dryBase: number;
  /** Repetitions up to this length are free. */
  dryAllowedLength: number;
  /** How many recent tokens, prompt included, are searched for repetitions; 0: none, -1: all. */
  dryPenaltyLastN: number;
  /** Texts at which a repetition ends. */
  drySequenceBreakers: readonly string[];
  /** 1 or 2: the whole chain is temperature and Mirostat of that version; 0: off. */
  mirostat: number;
  /** Mirostat's target surprise, in bits. */
  mirostatTau: number;
  /** Mirostat's learning rate. */
  mirostatEta: number;
  /** The temperature moves by up to this much with the entropy; 0: not at all. */
  dynatempRange: number;
  /** The shape of that movement. */
  dynatempExponent: number;
  /** The probability near which `adaptiveP` selects; below 0: it draws as usual. */
  adaptiveTarget: number;
  /** How slowly `adaptiveP` forgets, 0 to 0.99. */
  adaptiveDecay: number;
  /** Top-p, min-p, typical-p and XTC leave at least this many tokens. */
  minKeep: number;
  /** Added to logits before everything else. */
  logitBias: LogitBias;
  /** Never draw a token that ends the generation. */
  ignoreEos: boolean;
  /** Texts that must not come up. */
  bannedStrings: readonly string[];
  /** The stages in their order, by name (`topK`, or llama-server's `top_k`), or as a string of their letters. Names that nobody knows are refused, with the nearest that is known. */
  samplers: readonly string[] | string;
}

/** Some of the parameters; null and undefined stand for the default. */
export type SamplerOptions = { readonly [K in keyof SamplerParams]?: SamplerParams[K] | null };

/** llama-server's defaults. */
export const DEFAULT_SAMPLER_PARAMS: Readonly<SamplerParams> = {
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  topNSigma: -1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  repeatPenalty: 1,
  repeatLastN: 64,
  presencePenalty: 0,
  frequencyPenalty: 0,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryPenaltyLastN: 64,
  drySequenceBreakers: ['\n', ':', '"', '*'],
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  dynatempRange: 0,
  dynatempExponent: 1,
  adaptiveTarget: -1,
  adaptiveDecay: 0.9,
  minKeep: 0,
  logitBias: [],
  ignoreEos: false,
  bannedStrings: [],
  samplers: ['penalties', 'dry', 'topNSigma', 'topK', 'typicalP', 'topP', 'minP', 'xtc', 'temperature'],
};

interface NumberRule {
  readonly integer?: true;
  readonly min?: number;
  readonly max?: number;
  /** Outside of the range: the nearest value in it, or an error. */
  readonly outside?: 'clamp' | 'refuse';
}

type NumberKey = { [K in keyof SamplerParams]-?: SamplerParams[K] extends number ? K : never }[keyof SamplerParams];

const INT32_MAX = 2147483647;
const unitRange: NumberRule = { min: 0, max: 1, outside: 'clamp' };
const countRule: NumberRule = { integer: true, min: 0, max: INT32_MAX, outside: 'refuse' };
/** -1 stands for all tokens of the sequence. */
const windowRule: NumberRule = { ...countRule, min: -1 };

const NUMBER_RULES: Readonly<Record<Exclude<NumberKey, 'seed'>, NumberRule>> = {
  temperature: { min: 0, outside: 'clamp' },
  topK: { integer: true, min: 0, max: INT32_MAX, outside: 'clamp' },
  topP: unitRange,
  minP: unitRange,
  typicalP: {},
  topNSigma: {},
  xtcProbability: unitRange,
  xtcThreshold: unitRange,
  repeatPenalty: {},
  repeatLastN: windowRule,
  presencePenalty: {},
  frequencyPenalty: {},
  dryMultiplier: {},
  dryBase: {},
  dryAllowedLength: countRule,
  dryPenaltyLastN: windowRule,
  mirostat: { integer: true, min: 0, max: 2, outside: 'clamp' },
  mirostatTau: {},
  mirostatEta: {},
  dynatempRange: {},
  dynatempExponent: {},
  adaptiveTarget: { max: 1, outside: 'clamp' },
  adaptiveDecay: { min: 0, max: 0.99, outside: 'refuse' },
  minKeep: countRule,
};

/**
 * The full parameters for some of them, by llama-server's rules: null means default, numbers are single precision, most values
 * out of range are brought to the nearest one in it, the rest is refused.
 * @throws StarlingError invalid_argument, naming the parameter, for a wrong type or a value that is refused.
 */
export function resolveSamplerParams(options: SamplerOptions): SamplerParams {
  const resolved: SamplerParams = { ...DEFAULT_SAMPLER_PARAMS };
  for (const key of Object.keys(NUMBER_RULES) as (keyof typeof NUMBER_RULES)[]) {
    const value = options[key];
    resolved[key] =
      value === undefined || value === null ? Math.fround(DEFAULT_SAMPLER_PARAMS[key]) : checkedNumber(key, value);
  }
  if (resolved.dryBase < 1) resolved.dryBase = Math.fround(DEFAULT_SAMPLER_PARAMS.dryBase);
  if (!(resolved.repeatPenalty > 0) || !Number.isFinite(Math.fround(1 / resolved.repeatPenalty))) {
    throw refused('repeatPenalty', 'a finite number greater than 0', options.repeatPenalty);
  }
  resolved.seed = options.seed === undefined || options.seed === null ? undefined : checkedSeed(options.seed);
  resolved.ignoreEos = options.ignoreEos ?? DEFAULT_SAMPLER_PARAMS.ignoreEos;
  if (typeof resolved.ignoreEos !== 'boolean') throw refused('ignoreEos', 'true or false', options.ignoreEos);
  resolved.logitBias = options.logitBias ?? DEFAULT_SAMPLER_PARAMS.logitBias;
  resolved.bannedStrings = checkedTexts('bannedStrings', options.bannedStrings ?? DEFAULT_SAMPLER_PARAMS.bannedStrings);
  resolved.drySequenceBreakers = checkedTexts(
    'drySequenceBreakers',
    options.drySequenceBreakers ?? DEFAULT_SAMPLER_PARAMS.drySequenceBreakers,
  );
  if (resolved.drySequenceBreakers.length === 0) throw refused('drySequenceBreakers', 'at least one text', '[]');
  const samplers = options.samplers ?? DEFAULT_SAMPLER_PARAMS.samplers;
  resolved.samplers = typeof samplers === 'string' ? samplers : checkedTexts('samplers', samplers);
  return resolved;
}

function checkedNumber(key: keyof typeof NUMBER_RULES, value: number): number {
  const { integer, min = -Infinity, max = Infinity, outside } = NUMBER_RULES[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw refused(key, 'a finite number', value);
  const number = integer ? Math.trunc(value) : Math.fround(value);
  if (number >= min && number <= Math.fround(max)) return number;
  if (outside === 'refuse') throw refused(key, `a number from ${min} to ${max}`, value);
  return Math.fround(Math.max(min, Math.min(max, number)));
}

function checkedSeed(seed: number): number | undefined {
  if (typeof seed !== 'number' || !Number.isFinite(seed)) throw refused('seed', 'a whole number', seed);
  const seed32 = Math.trunc(seed) >>> 0;
  return seed32 === 0xffffffff ? undefined : seed32;
}

function checkedTexts(key: keyof SamplerParams, texts: readonly string[]): readonly string[] {
  if (!Array.isArray(texts) || texts.some((text) => typeof text !== 'string'))
    throw refused(key, 'a list of texts', texts);
  return texts;
}

function refused(param: keyof SamplerParams, expected: string, received: unknown): StarlingError {
  return parameterError('invalid_argument', param, `expected ${expected}, received ${String(received)}`, {
    details: { expected, received: String(received) },
  });
}
