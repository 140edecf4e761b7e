import { unknownStageNames } from '@starling/sampler';
import * as v from 'valibot';
import { count, integer, jsonObject, number, positive, text, tokenId } from './fields.js';

/** More stop strings or biases than this are a mistake; each is looked at for every token. */
const MAX_STOPS = 64;
const MAX_STOP_LENGTH = 1024;
const MAX_BIASES = 4096;
const MAX_BREAKERS = 64;
/** A chain names each stage once or twice. */
const MAX_STAGES = 64;
/** The longest grammar, in characters: compiling takes time on the thread that serves. */
const MAX_GRAMMAR_LENGTH = 1 << 18;
/** Log-probabilities of more alternatives than this would make answers of megabytes. */
const MAX_LOGPROBS = 100;

/** A stage's name, or a string of stages' letters, as llama-server has them. */
const knownStage = v.check((name: string) => unknownStageNames([name]).length === 0, 'no stage of the sampler chain has this name');
const knownStages = v.check((letters: string) => unknownStageNames(letters).length === 0, 'no stage of the sampler chain has one of these letters');

const bias = v.tuple([v.union([tokenId(), text()]), v.union([number(), v.literal(false)])]);

/** How the next token is chosen: llama-server's names. A field that is absent or null has llama-server's default. */
export const samplingFields = {
  seed: v.nullish(integer(-1, 2 ** 32 - 1)),
  temperature: v.nullish(number(0)),
  top_k: v.nullish(count(-1)),
  top_p: v.nullish(number(0, 1)),
  min_p: v.nullish(number(0, 1)),
  typical_p: v.nullish(number(0)),
  top_n_sigma: v.nullish(number()),
  xtc_probability: v.nullish(number(0, 1)),
  xtc_threshold: v.nullish(number(0, 1)),
  repeat_penalty: v.nullish(positive()),
  repeat_last_n: v.nullish(count(-1)),
  presence_penalty: v.nullish(number()),
  frequency_penalty: v.nullish(number()),
  dry_multiplier: v.nullish(number()),
  dry_base: v.nullish(number(1)),
  dry_allowed_length: v.nullish(count()),
  dry_penalty_last_n: v.nullish(count(-1)),
  dry_sequence_breakers: v.nullish(v.pipe(v.array(text(MAX_STOP_LENGTH)), v.minLength(1), v.maxLength(MAX_BREAKERS))),
  mirostat: v.nullish(v.picklist([0, 1, 2])),
  mirostat_tau: v.nullish(number(0)),
  mirostat_eta: v.nullish(number(0)),
  dynatemp_range: v.nullish(number(0)),
  dynatemp_exponent: v.nullish(number(0)),
  min_keep: v.nullish(count()),
  logit_bias: v.nullish(
    v.union([
      v.pipe(v.array(bias), v.maxLength(MAX_BIASES)),
      v.pipe(v.record(v.string(), v.union([number(), v.literal(false)])), v.maxEntries(MAX_BIASES)),
    ]),
  ),
  ignore_eos: v.nullish(v.boolean()),
  samplers: v.nullish(v.union([v.pipe(text(MAX_STAGES), knownStages), v.pipe(v.array(v.pipe(text(64), knownStage)), v.maxLength(MAX_STAGES))])),
  logprobs: v.nullish(v.union([v.boolean(), integer(0, MAX_LOGPROBS)])),
  prompt_logprobs: v.nullish(v.union([v.boolean(), integer(0, MAX_LOGPROBS)])),
  grammar: v.nullish(text(MAX_GRAMMAR_LENGTH)),
  json_schema: v.nullish(v.union([jsonObject(), v.boolean()])),
  stop: v.nullish(v.union([text(MAX_STOP_LENGTH), v.pipe(v.array(text(MAX_STOP_LENGTH)), v.maxLength(MAX_STOPS))])),
};
