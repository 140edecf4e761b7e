import * as v from 'valibot';
import { fields, text, tokenIds } from '../../schemas/fields.js';

/** The body of `POST /v1/tokenize`. */
export const tokenizeSchema = fields({
  text: v.string(),
  model: v.nullish(text(256)),
  add_special: v.nullish(v.boolean(), true),
  parse_special: v.nullish(v.boolean(), false),
  with_offsets: v.nullish(v.boolean(), false),
  with_pieces: v.nullish(v.boolean(), false),
});

/** The body of `POST /v1/detokenize`. */
export const detokenizeSchema = fields({
  tokens: tokenIds(0),
  model: v.nullish(text(256)),
});
