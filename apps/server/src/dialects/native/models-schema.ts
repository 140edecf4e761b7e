import { printable } from '@starling/core';
import * as v from 'valibot';
import { fields, text } from '../../schemas/fields.js';

/** What a model is called: short enough for lists, and what can stand in a terminal, a log and a label of metrics as it is. */
const name = v.pipe(
  text(256),
  v.check(
    (given) => given === given.trim() && printable(given) === given,
    'a name has printable characters, and no space around them',
  ),
);
/** A path, a name in the cache folder, a URL, or `hf:owner/repo[:quant]`. */
const reference = text(4096);

/** The body of `POST /v1/models/load`. */
export const loadModelSchema = fields({
  model: reference,
  name: v.nullish(name),
});

/** The body of `POST /v1/models/unload`. */
export const unloadModelSchema = fields({
  name,
});

/** The body of `POST /v1/models/reload`. */
export const reloadModelSchema = fields({
  name,
  model: v.nullish(reference),
});
