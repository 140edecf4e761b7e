import { parameterError } from '@starling/core';
import * as v from 'valibot';
import { list, integer, text } from '../../schemas/fields.js';
import { endpoint, json } from '../dialect.js';
import { pickModel } from '../pick-model.js';
import { rerankAnswer } from './answer-schema.js';

const MAX_DOCUMENTS = 2048;
const documents = v.nullish(v.pipe(list(v.string(), MAX_DOCUMENTS), v.minLength(1)));

/** The body of `POST /rerank`: `documents` as Jina has it, `texts` as TEI has it. */
const rerankSchema = v.looseObject({
  model: v.nullish(text(256)),
  query: v.string(),
  documents,
  texts: documents,
  top_n: v.nullish(integer(0)),
  return_text: v.nullish(v.boolean()),
});

/** `POST /rerank` and its other names: how well documents fit a query, the best first. */
export const rerank = endpoint({
  method: 'POST',
  paths: ['/rerank', '/reranking', '/v1/rerank', '/v1/reranking'],
  access: 'user',
  summary: 'Order documents by how well they fit a query',
  answer: rerankAnswer,
  body: rerankSchema,
  example: { query: 'A bird', documents: ['A starling', 'A stone'] },
  async handle({ body, models }) {
    const given = body.documents ?? body.texts;
    if (given == null) throw parameterError('invalid_request', 'documents', 'is required: a list of texts');
    const model = pickModel(models, body.model);
    const { results, promptTokens } = await model.rerank(body.query, given, { top: body.top_n ?? undefined });
    if (body.texts != null)
      return json(
        results.map(({ index, score }) => ({ index, score, ...(body.return_text === true && { text: given[index] }) })),
      );
    return json({
      model: body.model ?? model.info.name,
      object: 'list',
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
      results: results.map(({ index, score }) => ({ index, relevance_score: score })),
    });
  },
});
