import * as v from 'valibot';
import { cacheFields } from '../cache-fields.js';
import { MAX_TOOLS } from '../function-tools.js';
import { list, count, integer, jsonObject, number, positive, text } from '../../schemas/fields.js';
import { keepAliveSchema } from './keep-alive.js';

const MAX_MESSAGES = 16_384;
const MAX_STOPS = 64;

/** Pictures are for models that see: none is served. An empty list says nothing. */
const images = v.nullish(
  v.pipe(
    v.array(v.unknown()),
    v.check((list) => list.length === 0, 'images need a model that sees, and none is served'),
  ),
);

const message = v.looseObject({
  role: v.pipe(v.string(), v.toLowerCase(), v.picklist(['system', 'user', 'assistant', 'tool'])),
  content: v.nullish(v.string()),
  thinking: v.nullish(v.string()),
  images,
  tool_calls: v.nullish(
    v.array(
      v.looseObject({
        id: v.nullish(v.string()),
        function: v.looseObject({ name: text(256), arguments: v.nullish(jsonObject()) }),
      }),
    ),
  ),
  tool_name: v.nullish(v.string()),
  tool_call_id: v.nullish(v.string()),
});

const stops = v.union([text(1024), list(text(1024), MAX_STOPS)]);

/** Options that say how to answer. Those that say how a model is loaded (`num_ctx`, `num_gpu`, ...) belong to whoever starts the server. */
const options = v.looseObject({
  num_predict: v.nullish(integer(-2, 2 ** 31 - 1)),
  seed: v.nullish(integer(Number.MIN_SAFE_INTEGER)),
  temperature: v.nullish(number(0)),
  top_k: v.nullish(count(-1)),
  top_p: v.nullish(number(0, 1)),
  min_p: v.nullish(number(0, 1)),
  typical_p: v.nullish(number(0)),
  repeat_last_n: v.nullish(count(-1)),
  repeat_penalty: v.nullish(positive()),
  presence_penalty: v.nullish(number()),
  frequency_penalty: v.nullish(number()),
  stop: v.nullish(stops),
});

const shared = {
  model: v.nullish(text(256)),
  stream: v.nullish(v.boolean()),
  format: v.nullish(v.union([v.literal('json'), v.literal(''), jsonObject()])),
  options: v.nullish(options),
  think: v.nullish(v.union([v.boolean(), v.picklist(['low', 'medium', 'high', 'max'])])),
  keep_alive: keepAliveSchema,
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(integer(0, 20)),
  truncate: v.nullish(v.boolean()),
  ...cacheFields,
  /** The context is never moved on under an answer: one that comes to its end there ends. */
  shift: v.nullish(
    v.pipe(
      v.boolean(),
      v.check((shift) => !shift, 'an answer ends where the context does: leave it out'),
    ),
  ),
};

/** The body of `POST /api/chat`. */
export const chatSchema = v.looseObject({
  ...shared,
  messages: v.nullish(list(message, MAX_MESSAGES)),
  tools: v.nullish(
    list(
      v.looseObject({
        type: v.nullish(v.literal('function')),
        function: v.looseObject({
          name: text(256),
          description: v.nullish(v.string()),
          parameters: v.nullish(jsonObject()),
        }),
      }),
      MAX_TOOLS,
    ),
  ),
});

/** The body of `POST /api/generate`. */
export const generateSchema = v.looseObject({
  ...shared,
  prompt: v.nullish(v.string()),
  /** What stands behind the place that is to be filled in. */
  suffix: v.nullish(v.string()),
  system: v.nullish(v.string()),
  raw: v.nullish(v.boolean()),
  images,
});

/** The body of `POST /api/embed`. */
export const embedSchema = v.looseObject({
  model: v.nullish(text(256)),
  /** None, or an empty text: the model is loaded. */
  input: v.nullish(v.union([v.string(), list(text(), 2048)])),
  dimensions: v.nullish(integer(1)),
  keep_alive: keepAliveSchema,
  truncate: v.nullish(v.boolean()),
});

/** The body of `POST /api/embeddings`, the older form. */
export const embeddingsSchema = v.looseObject({
  model: v.nullish(text(256)),
  prompt: v.nullish(v.string()),
  keep_alive: keepAliveSchema,
});

/** The body of `POST /api/show`. */
export const showSchema = v.looseObject({ model: v.nullish(text(256)), name: v.nullish(text(256)) });

/** The body of `POST /api/pull`. `name` is what older clients send. */
export const pullSchema = v.looseObject({
  model: v.nullish(text(1024)),
  name: v.nullish(text(1024)),
  insecure: v.nullish(v.boolean()),
  stream: v.nullish(v.boolean()),
});

/** The body of `DELETE /api/delete`. */
export const deleteSchema = v.looseObject({ model: v.nullish(text(1024)), name: v.nullish(text(1024)) });

export type ChatBody = v.InferOutput<typeof chatSchema>;
export type GenerateBody = v.InferOutput<typeof generateSchema>;
