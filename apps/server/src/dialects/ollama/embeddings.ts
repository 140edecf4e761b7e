import { parameterError } from '@starling/core';
import { endpoint, json } from '../dialect.js';
import { poolingOf } from '../openai/embeddings.js';
import { pickModel } from '../pick-model.js';
import { embedAnswer, embeddingsAnswer } from './answer-schema.js';
import { durationsOf } from './bodies.js';
import { keepAliveOf } from './keep-alive.js';
import { embedSchema, embeddingsSchema } from './schema.js';
import { truncatedTokens } from './truncation.js';

/** `POST /api/embed`. */
export const embed = endpoint({
  method: 'POST',
  paths: ['/api/embed'],
  keepAlive: keepAliveOf,
  access: 'user',
  summary: 'Vectors for texts',
  answer: embedAnswer,
  body: embedSchema,
  example: { input: ['A starling', 'A wren'] },
  async handle(call) {
    const { body, models } = call;
    const model = pickModel(models, body.model);
    const { embeddingLength } = model.info;
    if (body.dimensions != null && body.dimensions !== embeddingLength)
      throw parameterError('invalid_request', 'dimensions', `can only be ${embeddingLength} with this model`);
    const texts = typeof body.input === 'string' ? [body.input].filter((text) => text !== '') : (body.input ?? []);
    const name = body.model ?? model.info.name;
    if (texts.length === 0) return json({ model: name, embeddings: [], ...durationsOf(call) });
    const { vectors, promptTokens } = await model.embed(
      body.truncate === false ? texts : await Promise.all(texts.map((text) => truncatedTokens(text, model))),
      poolingOf(model),
    );
    return json({
      model: name,
      embeddings: vectors.map((vector) => Array.from(vector)),
      ...durationsOf(call),
      prompt_eval_count: promptTokens,
    });
  },
});

/** `POST /api/embeddings`, the older form. */
export const embeddings = endpoint({
  method: 'POST',
  paths: ['/api/embeddings'],
  keepAlive: keepAliveOf,
  access: 'user',
  summary: 'A vector for a text (the older form)',
  answer: embeddingsAnswer,
  body: embeddingsSchema,
  example: { prompt: 'A starling' },
  async handle({ body, models }) {
    const model = pickModel(models, body.model);
    if ((body.prompt ?? '') === '') return json({ embedding: [] });
    const { vectors } = await model.embed([body.prompt ?? ''], poolingOf(model));
    return json({ embedding: Array.from(vectors[0]) });
  },
});
