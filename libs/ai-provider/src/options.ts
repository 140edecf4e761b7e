import type { SharedV3ProviderOptions } from '@ai-sdk/provider';
import { parameterError } from '@starling/core';
import type { ChatRequest, EmbedOptions } from '@starling/engine';

/** The name that the SDK knows us by: `providerOptions.starling`, `providerMetadata.starling`. */
export const PROVIDER = 'starling';

type Kind = 'text' | 'number' | 'flag' | 'object' | 'list' | 'value';

/** How a request's place among others is told. */
const TERMS = {
  tenant: 'text',
  session: 'text',
  weight: 'number',
  priority: 'number',
  maxPriority: 'number',
  maxWaitMs: 'number',
  deadlineMs: 'number',
} as const;

/** The engine's own fields that may be given, each with what it is. What the SDK has a setting for is given there. */
const CHAT_OPTIONS = {
  ...TERMS,
  id: 'text',
  sessionId: 'text',
  opensSession: 'flag',
  cacheSalt: 'text',
  cachePrompt: 'flag',
  adapters: 'object',
  templateVariables: 'object',
  documents: 'list',
  continueFinalMessage: 'flag',
  prefill: 'text',
  reasoningTokens: 'number',
  parallelToolCalls: 'flag',
  logprobs: 'number',
  grammar: 'text',
  regex: 'text',
  samplers: 'value',
  minP: 'number',
  typicalP: 'number',
  topNSigma: 'number',
  xtcProbability: 'number',
  xtcThreshold: 'number',
  repeatPenalty: 'number',
  repeatLastN: 'number',
  dryMultiplier: 'number',
  dryBase: 'number',
  dryAllowedLength: 'number',
  dryPenaltyLastN: 'number',
  drySequenceBreakers: 'list',
  mirostat: 'number',
  mirostatTau: 'number',
  mirostatEta: 'number',
  dynatempRange: 'number',
  dynatempExponent: 'number',
  adaptiveTarget: 'number',
  adaptiveDecay: 'number',
  minKeep: 'number',
  logitBias: 'value',
  ignoreEos: 'flag',
  bannedStrings: 'list',
} as const satisfies Partial<Record<keyof ChatRequest, Kind>>;

const EMBED_OPTIONS = { ...TERMS, adapters: 'object', pooling: 'text', normalize: 'flag' } as const satisfies Partial<
  Record<keyof EmbedOptions, Kind>
>;

/** What an answer can be told beyond the SDK's settings, as `providerOptions: { starling: { … } }`: fields of the engine's request, under its names. */
export type StarlingOptions = { readonly [Name in keyof typeof CHAT_OPTIONS]?: ChatRequest[Name] };

/** The same for embeddings and rankings. */
export type StarlingEmbeddingOptions = { readonly [Name in keyof typeof EMBED_OPTIONS]?: EmbedOptions[Name] };

/** Options of an answer. @throws StarlingError invalid_request for one that is not known, or is something else than it should be */
export const chatOptionsOf = (given: SharedV3ProviderOptions | undefined): StarlingOptions =>
  checked(given, CHAT_OPTIONS) as StarlingOptions;

/** Options of embeddings and rankings. @throws StarlingError as `chatOptionsOf`, and for a pooling that gives no vector a text */
export function embeddingOptionsOf(given: SharedV3ProviderOptions | undefined): StarlingEmbeddingOptions {
  const options = checked(given, EMBED_OPTIONS) as StarlingEmbeddingOptions;
  if (options.pooling === 'none')
    throw refused(
      'pooling',
      'cannot be "none" here: the SDK has one vector for each text; use embed() of the model itself',
    );
  return options;
}

/** The engine's name of a parameter as whoever calls the SDK has it. */
export const isOption = (name: string): boolean => name in CHAT_OPTIONS || name in EMBED_OPTIONS;

function checked(
  given: SharedV3ProviderOptions | undefined,
  kinds: Readonly<Record<string, Kind>>,
): Readonly<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given?.[PROVIDER] ?? {})) {
    if (!Object.hasOwn(kinds, name))
      throw refused(name, `is no option here; there are ${Object.keys(kinds).join(', ')}`);
    // As everywhere in JSON that the SDK hands on: what is not said is null.
    if (value === undefined || value === null) continue;
    if (!IS[kinds[name]](value)) throw refused(name, `must be ${WORDS[kinds[name]]}, not ${JSON.stringify(value)}`);
    options[name] = value;
  }
  return options;
}

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  flag: (value) => typeof value === 'boolean',
  list: Array.isArray,
  object: (value) => typeof value === 'object' && !Array.isArray(value),
  value: () => true,
};

const WORDS: Readonly<Record<Kind, string>> = {
  text: 'a text',
  number: 'a number',
  flag: 'true or false',
  list: 'a list',
  object: 'an object',
  value: 'a value',
};

const refused = (name: string, problem: string): Error =>
  parameterError('invalid_request', `providerOptions.${PROVIDER}.${name}`, problem);
