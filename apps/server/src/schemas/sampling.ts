import * as v from 'valibot';
import { count, integer, jsonObject, number, positive, text, tokenId } from './fields.js';

/** The stages of the sampler chain that a client may order in `samplers`. */
const STAGES = ['penalties', 'dry', 'top_n_sigma', 'top_k', 'typ_p', 'typical_p', 'top_p', 'min_p', 'xtc', 'temperature'] as const;

/** More stop strings or biases than this are a mistake; each is looked at for every token. */
const MAX_STOPS = 64;
const MAX_STOP_LENGTH = 1024;
const MAX_BIASES = 4096;
const MAX_BREAKERS = 64;
/** The longest grammar, in characters: compiling takes time on the thread that serves. */
const MAX_GRAMMAR_LENGTH = 1 << 18;
/** Log-probabilities of more alternatives than this would make answers of megabytes. */
const MAX_LOGPROBS = 100;

const bias = v.tuple([v.union([tokenId(), text()]), v.union([number(), v.literal(false)])]);

/** How the next token is chosen: llama-server's names. A field that is absent has llama-server's default. */
export const samplingFields = {
  seed: v.optional(integer(-1, 2 ** 32 - 1)),
  temperature: v.optional(number(0)),
  top_k: v.optional(count(-1)),
  top_p: v.optional(number(0, 1)),
  min_p: v.optional(number(0, 1)),
  typical_p: v.optional(number(0, 1)),
  top_n_sigma: v.optional(number(-1)),
  xtc_probability: v.optional(number(0, 1)),
  xtc_threshold: v.optional(number(0, 1)),
  repeat_penalty: v.optional(positive()),
  repeat_last_n: v.optional(count(-1)),
  presence_penalty: v.optional(number()),
  frequency_penalty: v.optional(number()),
  dry_multiplier: v.optional(number(0)),
  dry_base: v.optional(number(1)),
  dry_allowed_length: v.optional(count()),
  dry_penalty_last_n: v.optional(count(-1)),
  dry_sequence_breakers: v.optional(v.pipe(v.array(text(MAX_STOP_LENGTH)), v.minLength(1), v.maxLength(MAX_BREAKERS))),
  mirostat: v.optional(v.picklist([0, 1, 2])),
  mirostat_tau: v.optional(number(0)),
  mirostat_eta: v.optional(number(0)),
  dynatemp_range: v.optional(number(0)),
  dynatemp_exponent: v.optional(number(0)),
  min_keep: v.optional(count()),
  logit_bias: v.optional(
    v.union([
      v.pipe(v.array(bias), v.maxLength(MAX_BIASES)),
      v.pipe(v.record(v.string(), v.union([number(), v.literal(false)])), v.maxEntries(MAX_BIASES)),
    ]),
  ),
  ignore_eos: v.optional(v.boolean()),
  samplers: v.optional(v.pipe(v.array(v.picklist(STAGES)), v.maxLength(STAGES.length))),
  logprobs: v.optional(v.union([v.boolean(), integer(0, MAX_LOGPROBS)])),
  prompt_logprobs: v.optional(v.union([v.boolean(), integer(0, MAX_LOGPROBS)])),
  grammar: v.optional(text(MAX_GRAMMAR_LENGTH)),
  json_schema: v.optional(v.union([jsonObject(), v.boolean()])),
  stop: v.optional(v.union([text(MAX_STOP_LENGTH), v.pipe(v.array(text(MAX_STOP_LENGTH)), v.maxLength(MAX_STOPS))])),
};
