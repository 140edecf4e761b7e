import { endpoint, pieces } from '../dialect.js';
import { jsonPieces, jsonTexts } from '../json-pieces.js';
import { pieceOf } from '../piece-of.js';
import { detokenizeAnswer, tokenizeAnswer } from './answer-schema.js';
import { detokenizeSchema, tokenizeSchema } from './tokenize-schema.js';

/** `POST /v1/tokenize`. */
export const tokenize = endpoint({
  method: 'POST',
  paths: ['/v1/tokenize'],
  access: 'user',
  summary: 'Take a text apart into tokens',
  answer: tokenizeAnswer,
  body: tokenizeSchema,
  example: { text: 'A starling', with_offsets: true },
  async handle({ body, models }) {
    const model = models.pick(body.model ?? undefined);
    const { tokenizer } = model;
    const options = { addSpecial: body.add_special, parseSpecial: body.parse_special };
    const { ids, offsets } = await model.encode(body.text, { ...options, withOffsets: body.with_offsets });
    const list = (at: (index: number) => unknown) => ({ length: ids.length, at });
    const lists = {
      tokens: list((i) => ids[i]),
      offsets: offsets && list((i) => [offsets[2 * i], offsets[2 * i + 1]]),
      pieces: body.with_pieces ? list((i) => pieceOf(tokenizer, ids[i])) : undefined,
    };
    return pieces(jsonPieces({ count: ids.length }, lists, (entry) => entry));
  },
});

/** `POST /v1/detokenize`. */
export const detokenize = endpoint({
  method: 'POST',
  paths: ['/v1/detokenize'],
  access: 'user',
  summary: 'Put tokens together to a text',
  answer: detokenizeAnswer,
  body: detokenizeSchema,
  example: { tokens: [65, 66] },
  handle: async ({ body, models }) =>
    pieces(jsonTexts({ text: await models.pick(body.model ?? undefined).decode(body.tokens) })),
});
