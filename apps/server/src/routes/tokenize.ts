import { StarlingError } from '@starling/core';
import type { Tokenizer } from '@starling/tokenizer';
import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import { jsonBody } from '../middleware/json-body.js';
import type { AppParts } from '../parts.js';
import { detokenizeSchema, tokenizeSchema } from '../schemas/tokenize.js';
import { validate } from '../schemas/validate.js';

/** `POST /v1/tokenize` and `POST /v1/detokenize`. */
export function tokenizeRoutes(parts: AppParts): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .post('/v1/tokenize', async (c) => {
      const body = validate(tokenizeSchema, await jsonBody(c, parts.limits.maxBodyBytes));
      const { tokenizer } = parts.models.pick(body.model);
      const options = { addSpecial: body.add_special, parseSpecial: body.parse_special };
      const { ids, offsets } = body.with_offsets
        ? tokenizer.encodeWithOffsets(body.text, options)
        : { ids: tokenizer.encode(body.text, options), offsets: undefined };
      const tokens = Array.from(ids);
      return c.json({
        tokens,
        count: tokens.length,
        ...(offsets === undefined ? {} : { offsets: tokens.map((_, i) => [offsets[2 * i], offsets[2 * i + 1]]) }),
        ...(body.with_pieces ? { pieces: tokens.map((id) => pieceOf(tokenizer, id)) } : {}),
      });
    })
    .post('/v1/detokenize', async (c) => {
      const body = validate(detokenizeSchema, await jsonBody(c, parts.limits.maxBodyBytes));
      const { tokenizer } = parts.models.pick(body.model);
      const { vocabSize } = tokenizer;
      const unknown = body.tokens.findIndex((id) => id >= vocabSize);
      if (unknown >= 0) {
        const message = `"tokens[${unknown}]" must be below the size of the vocabulary, ${vocabSize}, received ${body.tokens[unknown]}`;
        throw new StarlingError('invalid_request', message, { details: { param: `tokens[${unknown}]`, limit: vocabSize } });
      }
      return c.json({ text: tokenizer.decode(body.tokens) });
    });
}

/** What a token adds to a text; its bytes where they are no text alone; a control token's own name. */
function pieceOf(tokenizer: Tokenizer, id: number): string | number[] {
  if (tokenizer.isControl(id)) return tokenizer.tokenText(id);
  const bytes = tokenizer.tokenBytes(id);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes);
  }
}
