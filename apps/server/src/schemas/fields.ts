import type { JsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { isRecord } from './validate.js';

/** A finite number from `min` to `max`, both included. */
export const number = (min = -Number.MAX_VALUE, max = Number.MAX_VALUE) =>
  v.pipe(v.number(), v.finite(), v.minValue(min), v.maxValue(max));

/** A finite number above zero. */
export const positive = () => v.pipe(v.number(), v.finite(), v.gtValue(0));

/** An integer from `min` to `max`, both included. */
export const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));

/** A number of tokens or the like: what the samplers hold in 32 bits. */
export const count = (min = 0) => integer(min, 2 ** 31 - 1);

/** A string with at least one character, and no more than `max`. */
export const text = (max = Number.MAX_SAFE_INTEGER) => v.pipe(v.string(), v.minLength(1), v.maxLength(max));

/** At most `max` items. How many there are is looked at before they are: of too many, none is. */
export const list = <Item extends v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>>(item: Item, max: number) => {
  const array = v.array(item);
  const bounded: typeof array = {
    ...array,
    '~run': (dataset, config) =>
      Array.isArray(dataset.value) && dataset.value.length > max
        ? { typed: true, value: dataset.value as v.InferOutput<Item>[], issues: undefined }
        : array['~run'](dataset, config),
  };
  return v.pipe(bounded, v.maxLength(max));
};

/** The name of a session: what can stand in a log line and in a URL's query as it is. */
export const sessionId = () => ({
  ...v.pipe(text(256), v.regex(/^[\w.:/+=@~-]+$/, 'a session is named with letters, digits and . _ : / + = @ ~ -')),
});

/** The largest id that any vocabulary can have; that an id lies in the model's own is checked against the model. */
const MAX_TOKEN_ID = 2 ** 31 - 1;

/** The id of a token. */
export const tokenId = () => integer(0, MAX_TOKEN_ID);

/**
 * An object of exactly these fields. Without a prototype: else valibot would find `constructor` and its like among the fields, and let
 * them through unread.
 */
export const fields = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.strictObject(Object.assign(Object.create(null) as object, entries));

/** A body in which null says the same as a field that is left out. */
export const withoutNulls = <T extends object>(body: T) =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)) as {
    [Key in keyof T]: Exclude<T[Key], null>;
  };

/** A value of a shape that valibot has no word for; `expects` is ours for the error's message, `jsonSchema` for the document of the API. */
const shape = <T>(isShape: (value: unknown) => boolean, expects: string, jsonSchema: JsonSchema) => ({
  ...v.custom<T>(isShape),
  expects,
  jsonSchema,
});

/** How much a model shall reason, in OpenAI's words. */
export const reasoningEffort = () => v.picklist(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);

/** A JSON object of any content. */
export const jsonObject = () => shape<Record<string, unknown>>(isRecord, 'Object', { type: 'object' });

/** Lists of texts and lists of lists are no ids: where those may stand as well, what is wrong is said of them. */
const mayBeIds = (value: unknown): boolean =>
  Array.isArray(value) && typeof value[0] !== 'string' && !Array.isArray(value[0]);

/** At least `min` token ids. One loop over them: a prompt has hundreds of thousands. */
export const tokenIds = (min = 1) =>
  v.pipe(
    shape<number[]>(mayBeIds, 'an array of token ids', {
      type: 'array',
      items: { type: 'integer', minimum: 0, maximum: MAX_TOKEN_ID },
    }),
    v.minLength(min),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const ids: readonly unknown[] = dataset.value;
      const key = ids.findIndex((id) => typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > MAX_TOKEN_ID);
      if (key < 0) return;
      const path: [v.ArrayPathItem] = [{ type: 'array', origin: 'value', input: dataset.value, key, value: ids[key] }];
      addIssue({
        path,
        input: ids[key],
        expected: `an integer from 0 to ${MAX_TOKEN_ID}`,
        received: typeof ids[key] === 'object' ? 'an object' : JSON.stringify(ids[key]),
      });
    }),
  );
