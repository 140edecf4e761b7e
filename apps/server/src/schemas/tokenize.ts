import * as v from 'valibot';
import { text, tokenIds } from './fields.js';

/** The body of `POST /v1/tokenize`. */
export const tokenizeSchema = v.strictObject({
  text: v.string(),
  model: v.optional(text(256)),
  add_special: v.optional(v.boolean(), true),
  parse_special: v.optional(v.boolean(), false),
  with_offsets: v.optional(v.boolean(), false),
  with_pieces: v.optional(v.boolean(), false),
});

/** The body of `POST /v1/detokenize`. */
export const detokenizeSchema = v.strictObject({
  tokens: tokenIds(0),
  model: v.optional(text(256)),
});
