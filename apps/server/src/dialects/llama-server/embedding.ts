import { parameterError } from '@starling/core';
import * as v from 'valibot';
import { list, integer, text, tokenIds } from '../../schemas/fields.js';
import { endpoint, json } from '../dialect.js';
import { DEFAULT_NORM, MAX_NORM, scaled } from '../embedding-norm.js';
import { inputsOf } from '../openai/embeddings.js';
import { pickModel } from '../pick-model.js';
import { placeIn, withPlaces } from '../prompt-place.js';
import { embeddingAnswer } from './answer-schema.js';

const MAX_INPUTS = 2048;
const input = v.nullish(
  v.union([text(), tokenIds(), v.pipe(list(v.union([text(), tokenIds()]), MAX_INPUTS), v.minLength(1))]),
);

/** The body of `POST /embedding`. */
const embeddingSchema = v.looseObject({
  model: v.nullish(text(256)),
  content: input,
  input,
  /** How vectors are scaled: -1 not at all, 0 to a largest element of 32760, 1 to a sum of sizes of 1, p to a p-norm of 1. */
  embd_normalize: v.nullish(integer(-1, MAX_NORM)),
});

/** `POST /embedding`, `/embeddings`: a list of vectors for each input: one, or where the model pools nothing one for each token, as it is. */
export const embedding = endpoint({
  method: 'POST',
  paths: ['/embedding', '/embeddings'],
  access: 'user',
  summary: 'Vectors for texts or token lists, pooled or not',
  answer: embeddingAnswer,
  body: embeddingSchema,
  example: { content: 'A starling' },
  async handle({ body, models }) {
    const given = body.content ?? body.input;
    if (given == null)
      throw parameterError('invalid_request', 'content', 'is required: a text, token ids, or a list of those');
    const model = pickModel(models, body.model);
    const texts = inputsOf(given);
    const pooling = model.defaults.pooling ?? model.info.pooling;
    const way =
      pooling === 'none' || pooling === 'rank'
        ? -1
        : (body.embd_normalize ?? model.defaults.embdNormalize ?? DEFAULT_NORM);
    const { vectors, inputs } = await withPlaces(
      placeIn(body.content == null ? 'input' : 'content', given, texts),
      () => model.embed(texts, { pooling, normalize: way === DEFAULT_NORM }),
    );
    return json(
      texts.map((_, index) => ({
        index,
        embedding: vectors
          .filter((_vector, i) => inputs[i] === index)
          .map((vector) => Array.from(way === DEFAULT_NORM ? vector : scaled(vector, way))),
      })),
    );
  },
});
