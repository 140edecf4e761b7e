import * as v from 'valibot';
import { count, integer, text, tokenIds } from './fields.js';
import { samplingFields } from './sampling.js';

const message = v.strictObject({ role: text(64), content: v.string() });

type WithoutNulls<T> = { [Key in keyof T]: Exclude<T[Key], null> };

/** Null says the same as a field that is left out. */
const withoutNulls = <T extends object>(body: T) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)) as WithoutNulls<T>;

/** The body of `POST /v1/generate`. */
export const generateSchema = v.pipe(
  v.strictObject({
    prompt: v.nullish(v.union([v.string(), tokenIds()])),
    messages: v.nullish(v.pipe(v.array(message), v.minLength(1))),
    model: v.nullish(text(256)),
    stream: v.optional(v.boolean(), false),
    max_tokens: v.nullish(count()),
    priority: v.nullish(integer(-1000, 1000)),
    deadline_ms: v.nullish(integer(1, 2 ** 31 - 1)),
    ...samplingFields,
  }),
  v.transform(withoutNulls),
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
