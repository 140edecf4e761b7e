import { unknownStageNames, type SamplerParams } from '@starling/sampler';
import * as v from 'valibot';
import { MAX_NORM } from '../dialects/embedding-norm.js';
import {
  flag,
  integer,
  jsonObject,
  number,
  oneOf,
  readTexts,
  text,
  texts,
  valueOf,
  type Setting,
  type ValueOf,
} from './setting-values.js';

/** What an operator may say of how tokens are chosen, for requests that say nothing themselves. */
export type SamplingDefaults = Partial<Omit<SamplerParams, 'bannedStrings' | 'minKeep'>>;

const stages = valueOf(
  v.pipe(
    v.unknown(),
    v.transform((value) => (typeof value === 'string' ? value.split(';').map((name) => name.trim()) : value)),
    v.array(v.string('names of stages, with ; between'), 'names of stages, with ; between'),
    v.rawCheck(({ dataset, addIssue }) => {
      const unknown = dataset.typed ? unknownStageNames(dataset.value) : [];
      if (unknown.length > 0)
        addIssue({ message: `names of stages; ${unknown.map((name) => JSON.stringify(name)).join(', ')} is none` });
    }),
    v.readonly(),
  ),
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
);

const BIAS = /^(\d+)([+-])(\d+(?:\.\d+)?|inf)$/;
/** `15043+1`, `15043-1.5`, `2-inf`. */
const biases = readTexts(
  'TOKEN_ID+BIAS or TOKEN_ID-BIAS',
  BIAS,
  (item): readonly [id: number, bias: number] | undefined => {
    const [, id, sign, amount] = BIAS.exec(item) ?? [];
    return id === undefined
      ? undefined
      : [Number(id), (sign === '-' ? -1 : 1) * (amount === 'inf' ? Infinity : Number(amount))];
  },
);

const INT32_MAX = 2 ** 31 - 1;
const count = integer(-1, INT32_MAX);
const share = number(0, 1);
const real = number();
const positive = number(0);

/** What answers are where a request does not say. */
export const ANSWER_SETTINGS = {
  nPredict: {
    flag: 'n-predict',
    short: 'n',
    placeholder: 'N',
    help: 'tokens of an answer, at most, where a request does not say; -1: no limit',
    default: -1,
    value: integer(-1, INT32_MAX),
  },
  chatTemplate: {
    flag: 'chat-template',
    placeholder: 'TEMPLATE',
    help: "a Jinja chat template in place of the file's, or the name of a usual one",
    value: text,
  },
  chatTemplateFile: { flag: 'chat-template-file', placeholder: 'FILE', help: 'the same from a file', value: text },
  chatTemplateKwargs: {
    flag: 'chat-template-kwargs',
    placeholder: 'JSON',
    help: 'further variables of the chat template',
    value: jsonObject,
  },
  jinja: {
    flag: 'jinja',
    negatable: true,
    help: 'chat templates are Jinja, always; --jinja also tells them what llama-server does: the day (date_string, datetime), and tools as a text (functions)',
    value: flag,
  },
  reasoningFormat: {
    flag: 'reasoning-format',
    placeholder: 'FORMAT',
    help: 'reasoning is put apart from the content, as it always is: auto or deepseek',
    default: 'auto',
    value: oneOf(['auto', 'deepseek']),
  },
  reasoning: {
    flag: 'reasoning',
    placeholder: 'on|off|auto',
    help: 'whether models reason where a request does not say; auto: where they can (default: as the chat template has it)',
    value: oneOf(['on', 'off', 'auto']),
  },
  reasoningBudget: {
    flag: 'reasoning-budget',
    placeholder: 'N',
    help: 'tokens that models may reason for, where a request does not say; -1: as many as they want',
    default: -1,
    value: integer(-1, INT32_MAX),
  },
  pooling: {
    flag: 'pooling',
    placeholder: 'TYPE',
    help: "how embeddings are pooled: none, mean, cls, last or rank (default: the model's own way)",
    value: oneOf(['none', 'mean', 'cls', 'last', 'rank']),
  },
  embdNormalize: {
    flag: 'embd-normalize',
    placeholder: 'N',
    help: 'how embeddings are scaled: -1 not at all, 0 to a largest element of 32760, 1 to a sum of sizes of 1, N to an N-norm of 1 (default: 2, a length of 1)',
    value: integer(-1, MAX_NORM),
  },
} as const satisfies Record<string, Setting>;

/** How tokens are chosen where a request does not say. */
export const SAMPLING_SETTINGS = {
  seed: {
    flag: 'seed',
    short: 's',
    placeholder: 'SEED',
    help: 'the seed of requests that name none; -1: a random one',
    value: integer(-1, 2 ** 32 - 1),
  },
  temperature: {
    flag: 'temp',
    placeholder: 'N',
    help: 'temperature of requests that name none; the options below likewise',
    value: positive,
  },
  topK: { flag: 'top-k', placeholder: 'N', help: 'choose among the N most likely tokens; 0: all', value: count },
  topP: {
    flag: 'top-p',
    placeholder: 'N',
    help: 'choose among the likeliest tokens that make up this share',
    value: share,
  },
  minP: {
    flag: 'min-p',
    placeholder: 'N',
    help: 'drop tokens less likely than this share of the likeliest',
    value: share,
  },
  topNSigma: {
    flag: 'top-n-sigma',
    placeholder: 'N',
    help: 'keep tokens within N standard deviations of the largest logit; -1: all',
    value: real,
  },
  typicalP: { flag: 'typical-p', placeholder: 'N', help: 'locally typical sampling', value: positive },
  xtcProbability: {
    flag: 'xtc-probability',
    placeholder: 'N',
    help: 'how often XTC drops the likeliest tokens but one',
    value: share,
  },
  xtcThreshold: { flag: 'xtc-threshold', placeholder: 'N', help: 'the probability from which XTC drops', value: share },
  repeatLastN: {
    flag: 'repeat-last-n',
    placeholder: 'N',
    help: 'tokens that the penalties look at; -1: all',
    value: count,
  },
  repeatPenalty: {
    flag: 'repeat-penalty',
    placeholder: 'N',
    help: 'penalty on tokens that came before; 1: none',
    value: positive,
  },
  presencePenalty: {
    flag: 'presence-penalty',
    placeholder: 'N',
    help: 'penalty on tokens that came before',
    value: real,
  },
  frequencyPenalty: {
    flag: 'frequency-penalty',
    placeholder: 'N',
    help: 'penalty for each time that a token came before',
    value: real,
  },
  dryMultiplier: {
    flag: 'dry-multiplier',
    placeholder: 'N',
    help: 'strength of the penalty on repetitions',
    value: real,
  },
  dryBase: { flag: 'dry-base', placeholder: 'N', help: 'how it grows with their length', value: real },
  dryAllowedLength: {
    flag: 'dry-allowed-length',
    placeholder: 'N',
    help: 'repetitions up to this length are free',
    value: integer(0, INT32_MAX),
  },
  dryPenaltyLastN: {
    flag: 'dry-penalty-last-n',
    placeholder: 'N',
    help: 'tokens that are searched for repetitions; -1: all',
    value: count,
  },
  drySequenceBreakers: {
    flag: 'dry-sequence-breaker',
    placeholder: 'TEXT',
    repeatable: true,
    help: 'a text at which a repetition ends; may be given several times',
    value: texts,
  },
  dynatempRange: {
    flag: 'dynatemp-range',
    placeholder: 'N',
    help: 'by how much the temperature moves with the entropy',
    value: positive,
  },
  dynatempExponent: { flag: 'dynatemp-exp', placeholder: 'N', help: 'how it moves', value: positive },
  mirostat: { flag: 'mirostat', placeholder: 'N', help: 'Mirostat of version 1 or 2; 0: none', value: integer(0, 2) },
  mirostatTau: { flag: 'mirostat-ent', placeholder: 'N', help: 'its target entropy', value: positive },
  mirostatEta: { flag: 'mirostat-lr', placeholder: 'N', help: 'its learning rate', value: positive },
  adaptiveTarget: {
    flag: 'adaptive-target',
    placeholder: 'N',
    help: 'the probability near which adaptive-p selects; -1: none',
    value: number(-1, 1),
  },
  adaptiveDecay: { flag: 'adaptive-decay', placeholder: 'N', help: 'how slowly it forgets', value: number(0, 0.99) },
  samplers: {
    flag: 'samplers',
    placeholder: 'NAMES',
    help: 'stages of sampling in their order, with ; between',
    value: stages,
  },
  ignoreEos: { flag: 'ignore-eos', help: 'never draw a token that ends the answer', value: flag },
  logitBias: {
    flag: 'logit-bias',
    short: 'l',
    placeholder: 'ID+BIAS',
    repeatable: true,
    help: 'makes a token likelier (15043+1) or less likely (15043-1); may be given several times',
    value: biases,
  },
} as const satisfies { readonly [Name in keyof SamplingDefaults]-?: Setting };

/** What the operator said of how tokens are chosen; undefined where nothing was said. */
export function samplingDefaultsOf(
  config: { readonly [Name in keyof typeof SAMPLING_SETTINGS]: ValueOf<(typeof SAMPLING_SETTINGS)[Name]> },
): SamplingDefaults | undefined {
  const values: SamplingDefaults = config;
  const said = (Object.keys(SAMPLING_SETTINGS) as (keyof typeof SAMPLING_SETTINGS)[]).flatMap((name) =>
    values[name] === undefined ? [] : [[name, values[name]]],
  );
  return said.length === 0 ? undefined : (Object.fromEntries(said) as SamplingDefaults);
}
