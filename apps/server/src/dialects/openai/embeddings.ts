import { Buffer } from 'node:buffer';
import { parameterError } from '@starling/core';
import type { EmbedOptions } from '@starling/engine';
import * as v from 'valibot';
import type { ServedModel } from '../../parts.js';
import { list, integer, text, tokenIds } from '../../schemas/fields.js';
import { endpoint, json } from '../dialect.js';
import { DEFAULT_NORM, MAX_NORM, scaled } from '../embedding-norm.js';
import { pickModel } from '../pick-model.js';
import { placeIn, withPlaces } from '../prompt-place.js';
import { embeddingsAnswer } from './answer-schema.js';

/** Inputs of one request, as the API has it. */
const MAX_INPUTS = 2048;

/** The body of `POST /v1/embeddings`. */
const embeddingsSchema = v.looseObject({
  model: v.nullish(text(256)),
  input: v.union([text(), tokenIds(), v.pipe(list(v.union([text(), tokenIds()]), MAX_INPUTS), v.minLength(1))]),
  encoding_format: v.nullish(v.picklist(['float', 'base64'])),
  dimensions: v.nullish(integer(1)),
  /** How vectors are scaled, as in /embedding: an extension of llama-server's. */
  embd_normalize: v.nullish(integer(-1, MAX_NORM)),
});

/** `POST /v1/embeddings`: vectors of length 1, one an input. */
export const embeddings = endpoint({
  method: 'POST',
  paths: ['/v1/embeddings'],
  access: 'user',
  summary: 'Vectors for texts or token lists',
  answer: embeddingsAnswer,
  body: embeddingsSchema,
  example: { input: ['A starling', 'A wren'] },
  async handle({ body, models }) {
    const model = pickModel(models, body.model);
    const { embeddingLength } = model.info;
    if (body.dimensions != null && body.dimensions !== embeddingLength) {
      throw parameterError(
        'invalid_request',
        'dimensions',
        `can only be ${embeddingLength} with this model: its vectors cannot be cut`,
        { details: { embeddingLength } },
      );
    }
    const way = body.embd_normalize ?? model.defaults.embdNormalize ?? DEFAULT_NORM;
    const inputs = inputsOf(body.input);
    const { vectors: raw, promptTokens } = await withPlaces(placeIn('input', body.input, inputs), () =>
      model.embed(inputs, { ...poolingOf(model), normalize: way === DEFAULT_NORM }),
    );
    const vectors = way === DEFAULT_NORM ? raw : raw.map((vector) => scaled(vector, way));
    return json({
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: body.encoding_format === 'base64' ? base64Of(vector) : Array.from(vector),
      })),
      model: body.model ?? model.info.name,
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    });
  },
});

/** Models that pool nothing give a vector a token: of those, the mean. @throws StarlingError not_supported for a model that scores texts in place of vectors */
export function poolingOf({ info, defaults }: ServedModel): EmbedOptions {
  const pooling = defaults.pooling ?? info.pooling;
  if (pooling === 'rank')
    throw parameterError(
      'not_supported',
      'model',
      `${info.name} gives texts a score, no vector: ask it at /v1/rerank, or serve it with another --pooling`,
    );
  return pooling === 'none' ? { pooling: 'mean' } : { pooling };
}

/** One input or several, each a text or ids. */
export function inputsOf(
  input: string | readonly number[] | readonly (string | number[])[],
): readonly (string | readonly number[])[] {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as number[]] : (input as (string | number[])[]);
}

/** Little-endian floats: what this API's clients take apart. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  vector.forEach((value, i) => bytes.writeFloatLE(value, 4 * i));
  return bytes.toString('base64');
}
