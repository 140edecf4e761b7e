import * as v from 'valibot';
import { list } from '../../schemas/fields.js';
import { endpoint } from '../dialect.js';
import { infillTokens } from '../infill-tokens.js';
import { pickModel } from '../pick-model.js';
import { completionAnswer } from './answer-schema.js';
import { continued } from './completion.js';
import { continuationFields } from './completion-schema.js';

/** Files around the place that is filled, at most. */
const MAX_EXTRA = 1024;

/** The body of `POST /infill`. */
const infillSchema = v.looseObject({
  ...continuationFields,
  input_prefix: v.string(),
  input_suffix: v.string(),
  input_extra: v.nullish(list(v.looseObject({ text: v.string(), filename: v.optional(v.string()) }), MAX_EXTRA)),
  /** What stands behind the place's beginning already. */
  prompt: v.nullish(v.string()),
});

/** `POST /infill`: what stands between two stretches of code. */
export const infill = endpoint({
  method: 'POST',
  paths: ['/infill'],
  access: 'user',
  summary: 'Fill in code between what is before and after',
  answer: completionAnswer,
  body: infillSchema,
  example: { input_prefix: 'const one = ', input_suffix: ';', n_predict: 8 },
  answers: 'events',
  async handle({ body, models }) {
    const model = pickModel(models, body.model);
    const tokens = await infillTokens(body, model);
    return continued(model, { ...body, prompt: tokens }, [tokens]);
  },
});
