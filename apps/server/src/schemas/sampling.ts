import { nearestStageName, unknownStageNames } from '@starling/sampler';
import * as v from 'valibot';
import { list, count, integer, jsonObject, number, positive, text, tokenId } from './fields.js';

/** More stop strings or biases than this are a mistake; each is looked at for every token. */
const MAX_STOPS = 64;
const MAX_STOP_LENGTH = 1024;
const MAX_BIASES = 4096;
/** Characters of all texts that biases are for: they are tokenized where they are used. */
const MAX_BIAS_CHARACTERS = 1 << 15;
const MAX_BREAKERS = 64;
/** A chain names each stage once or twice. */
const MAX_STAGES = 64;
/** The longest grammar, in characters: what compiling takes grows with it, wherever it is done. */
const MAX_GRAMMAR_LENGTH = 1 << 18;
/** Log-probabilities of more alternatives than this would make answers of megabytes. */
const MAX_LOGPROBS = 100;

/** A stage's name, or a string of stages' letters, as llama-server has them. */
const knownStage = v.check(
  (name: string) => unknownStageNames([name]).length === 0,
  ({ input }) =>
    `no stage of the sampler chain is called ${JSON.stringify(input)}; the nearest that is: ${nearestStageName(input)}`,
);
const knownStages = v.check(
  (letters: string) => unknownStageNames(letters).length === 0,
  'no stage of the sampler chain has one of these letters',
);

const BIASES_TOO_LONG = `the texts that biases are for may have ${MAX_BIAS_CHARACTERS} characters together`;
const charactersOf = (pairs: readonly (readonly [number | string, unknown])[]): number =>
  pairs.reduce((sum, [key]) => sum + (typeof key === 'string' ? key.length : 0), 0);

/** Biases as an object: ids or texts and their numbers. Any text may be a key, `constructor` too, which valibot's record would drop. */
const biasObject = v.pipe(
  jsonObject(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const pairs: [string, unknown][] = Object.entries(dataset.value);
    if (pairs.length > MAX_BIASES) addIssue({ message: `at most ${MAX_BIASES} biases can be given` });
    if (charactersOf(pairs) > MAX_BIAS_CHARACTERS) addIssue({ message: BIASES_TOO_LONG });
    const wrong = pairs.find(
      ([key, value]) => key === '' || !(value === false || (typeof value === 'number' && Number.isFinite(value))),
    );
    if (!wrong) return;
    const [key, value] = wrong;
    const path: [v.ObjectPathItem] = [{ type: 'object', origin: 'value', input: dataset.value, key, value }];
    const expected = key === '' ? 'named by a token' : '(number | false)';
    addIssue({
      path,
      input: value,
      expected,
      received: typeof value === 'object' ? 'an object' : JSON.stringify(value),
    });
  }),
  v.transform((biases) => biases as Record<string, number | false>),
);

const bias = v.strictTuple([v.union([tokenId(), text()]), v.union([number(), v.literal(false)])]);

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
  dry_sequence_breakers: v.nullish(v.pipe(list(text(MAX_STOP_LENGTH), MAX_BREAKERS), v.minLength(1))),
  mirostat: v.nullish(v.picklist([0, 1, 2])),
  mirostat_tau: v.nullish(number(0)),
  mirostat_eta: v.nullish(number(0)),
  dynatemp_range: v.nullish(number(0)),
  dynatemp_exponent: v.nullish(number(0)),
  adaptive_target: v.nullish(number(-1, 1)),
  adaptive_decay: v.nullish(number(0, 0.99)),
  min_keep: v.nullish(count()),
  logit_bias: v.nullish(
    v.union([
      v.pipe(
        v.array(bias),
        v.maxLength(MAX_BIASES),
        v.check((pairs) => charactersOf(pairs) <= MAX_BIAS_CHARACTERS, BIASES_TOO_LONG),
      ),
      biasObject,
    ]),
  ),
  ignore_eos: v.nullish(v.boolean()),
  samplers: v.nullish(v.union([v.pipe(text(MAX_STAGES), knownStages), list(v.pipe(text(64), knownStage), MAX_STAGES)])),
  logprobs: v.nullish(v.union([v.boolean(), integer(0, MAX_LOGPROBS)])),
  prompt_logprobs: v.nullish(v.union([v.boolean(), integer(0, MAX_LOGPROBS)])),
  grammar: v.nullish(text(MAX_GRAMMAR_LENGTH)),
  json_schema: v.nullish(v.union([jsonObject(), v.boolean()])),
  stop: v.nullish(v.union([text(MAX_STOP_LENGTH), list(text(MAX_STOP_LENGTH), MAX_STOPS)])),
};
