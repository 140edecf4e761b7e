import * as v from 'valibot';
import { count, integer, text, tokenIds } from './fields.js';
import { samplingFields } from './sampling.js';

const message = v.strictObject({ role: text(64), content: v.string() });

/** The body of `POST /v1/generate`. */
export const generateSchema = v.pipe(
  v.strictObject({
    prompt: v.optional(v.union([v.string(), tokenIds()])),
    messages: v.optional(v.pipe(v.array(message), v.minLength(1))),
    model: v.optional(text(256)),
    stream: v.optional(v.boolean(), false),
    max_tokens: v.optional(count()),
    priority: v.optional(integer(-1000, 1000)),
    deadline_ms: v.optional(integer(1, 2 ** 31 - 1)),
    ...samplingFields,
  }),
  v.forward(
    v.check((body) => body.prompt !== undefined || body.messages !== undefined, '"prompt" (a string or token ids) or "messages" is required'),
    ['prompt'],
  ),
  v.forward(
    v.check((body) => body.prompt === undefined || body.messages === undefined, '"prompt" and "messages" exclude each other: send one of them'),
    ['messages'],
  ),
  v.forward(
    v.check((body) => body.grammar === undefined || body.json_schema === undefined, '"grammar" and "json_schema" exclude each other: send one of them'),
    ['json_schema'],
  ),
);

export type GenerateBody = v.InferOutput<typeof generateSchema>;
