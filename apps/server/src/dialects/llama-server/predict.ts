import { parameterError, StarlingError } from '@starling/core';
import * as v from 'valibot';
import { list, jsonObject } from '../../schemas/fields.js';
import { validate } from '../../schemas/validate.js';
import { endpoint, json } from '../dialect.js';
import { chatSchema } from '../openai/chat-schema.js';
import { chat } from '../openai/chat.js';
import { predictAnswer } from './answer-schema.js';

const MAX_INSTANCES = 128;

/** `POST /predict`: several chats in one request, as containers of Google's Vertex AI take them. Only where that asks for it (`AIP_MODE`). */
export const predict = endpoint({
  method: 'POST',
  paths: ['/predict'],
  access: 'user',
  summary: 'Answer several conversations, as Vertex AI sends them',
  answer: predictAnswer,
  body: v.looseObject({ instances: v.pipe(list(jsonObject(), MAX_INSTANCES), v.minLength(1)) }),
  example: {
    instances: [
      {
        '@requestFormat': 'chatCompletions',
        messages: [{ role: 'user', content: 'Tell me of the starling.' }],
        max_tokens: 32,
      },
    ],
  },
  async handle(call) {
    if (!call.server.features.predict)
      throw new StarlingError(
        'not_supported',
        '/predict answers in a container of Vertex AI alone, which sets AIP_MODE=PREDICTION',
      );
    const bodies = call.body.instances.map(({ '@requestFormat': format, ...body }, i) => {
      if (format !== 'chatCompletions')
        throw parameterError(
          'invalid_request',
          `instances[${i}].@requestFormat`,
          `must be "chatCompletions", received ${JSON.stringify(format)}`,
        );
      return validate(chatSchema, { ...body, stream: false });
    });
    const replies = await Promise.all(bodies.map((body) => chat.handle({ ...call, body })));
    return json({ predictions: replies.map((reply) => (reply.kind === 'json' ? reply.body : null)) });
  },
});
