import type { JsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';

/**
 * What a setting's value may be: a schema that takes the text of a flag or of the environment as well as what JSON and YAML have. Its messages are
 * what is expected; `jsonSchema` is how a file has it.
 */
export type SettingValue<T = unknown> = v.GenericSchema<unknown, T> & { readonly jsonSchema: JsonSchema };

/** One setting: its name on the command line (other names follow from it), its help, and what it may be. */
export interface Setting<Value extends SettingValue = SettingValue> {
  readonly flag: string;
  /** What stands for the value in the help; absent for switches. */
  readonly placeholder?: string;
  readonly short?: string;
  /** A switch that `--no-` and its name turns off. */
  readonly negatable?: boolean;
  readonly repeatable?: boolean;
  readonly help: string;
  readonly value: Value;
  /** As a file would have it; absent: there is no value where none is given. */
  readonly default?: unknown;
  /** What is never shown: all of it, or the part of an address that names somebody. */
  readonly secret?: 'all' | 'credentials';
  /** Whether a server that runs takes a new value when it reads its configuration again. */
  readonly isLive?: boolean;
}

/** The value of a setting, as the server has it. */
export type ValueOf<S extends Setting> =
  | v.InferOutput<S['value']>
  | (S extends { readonly default: unknown } ? never : undefined);

const described = <Schema extends v.GenericSchema>(schema: Schema, jsonSchema: JsonSchema) => ({
  ...schema,
  jsonSchema,
});

/** Text that reads as a number becomes one. */
const numbers = v.pipe(
  v.unknown(),
  v.transform((value) =>
    typeof value === 'string' && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value) ? Number(value) : value,
  ),
);

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number) => {
  const expected = `an integer from ${min} to ${max}`;
  return described(
    v.pipe(numbers, v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected)),
    { type: 'integer', minimum: min, maximum: max },
  );
};

/** A number from `min` to `max`; without bounds, any that is finite. */
export const number = (min = -Number.MAX_VALUE, max = Number.MAX_VALUE) => {
  const isBound = (bound: number) => Math.abs(bound) < Number.MAX_VALUE;
  const expected = isBound(max)
    ? `a number from ${min} to ${max}`
    : isBound(min)
      ? `a number of at least ${min}`
      : 'a number';
  return described(v.pipe(numbers, v.number(expected), v.minValue(min, expected), v.maxValue(max, expected)), {
    type: 'number',
    ...(isBound(min) && { minimum: min }),
    ...(isBound(max) && { maximum: max }),
  });
};

const notEmpty = v.pipe(
  v.string('a text that is not empty'),
  v.check((text) => text.trim() !== '', 'a text that is not empty'),
);
const TEXT: JsonSchema = { type: 'string', pattern: String.raw`\S` };

export const text = described(notEmpty, TEXT);

/** One item or a list. */
const listOf = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(
    v.unknown(),
    v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
    v.array(item),
    v.readonly(),
  );
const orList = (item: JsonSchema): JsonSchema => ({ anyOf: [item, { type: 'array', items: item }] });

/** One text or a list. */
export const texts = described(listOf(notEmpty), orList(TEXT));

/** Texts, each of them a list with commas. */
export const commaTexts = described(
  v.pipe(
    texts,
    v.transform((items): readonly string[] =>
      items.flatMap((item) =>
        item
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== ''),
      ),
    ),
  ),
  orList(TEXT),
);

/** Texts of a form; each is read to what it says. `pattern` is what the form looks like in a file. */
export const readTexts = <T>(expected: string, pattern: RegExp, read: (text: string) => T | undefined) =>
  described(
    listOf(v.pipe(v.string(expected), readBy(expected, read))),
    orList({ type: 'string', pattern: pattern.source }),
  );

/** A step that reads a value further, or refuses it. */
export const readBy = <From, To>(expected: string, read: (value: From) => To | undefined) =>
  v.rawTransform<From, To>(({ dataset, addIssue, NEVER }) => {
    const result = read(dataset.value);
    if (result !== undefined) return result;
    addIssue({ message: expected });
    return NEVER;
  });

export const flag = described(
  v.pipe(
    v.unknown(),
    readBy<unknown, boolean>('true or false', (value) =>
      value === true || value === '1' || value === 'true'
        ? true
        : value === false || value === '0' || value === 'false'
          ? false
          : undefined,
    ),
  ),
  { type: 'boolean' },
);

export const oneOf = <const T extends string>(options: readonly T[]) =>
  described(v.picklist(options, `one of ${options.join(', ')}`), { enum: [...options] });

export const apiKeys = described(
  listOf(v.pipe(notEmpty, v.regex(/^\S*$/, 'an API key without white space in it'))),
  orList({ type: 'string', pattern: String.raw`^\S+$` }),
);

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const BYTES = /^\s*(\d+(?:\.\d+)?)\s*([KMGTkmgt]?)(?:i?[Bb])?\s*$/;

/** A number of bytes, at least `min`: `1073741824`, `1G`, `1.5GiB`. */
export const bytes = (min: number) => {
  const expected = `a number of bytes from ${min} up, such as 8G`;
  const read = (value: unknown): number | undefined => {
    const [, amount, unit = ''] = BYTES.exec(String(value)) ?? [];
    const count = Math.floor(Number(amount) * UNITS[unit.toUpperCase()]);
    return amount !== undefined && Number.isSafeInteger(count) && count >= min ? count : undefined;
  };
  return described(v.pipe(v.unknown(), readBy(expected, read)), {
    anyOf: [
      { type: 'integer', minimum: min, maximum: Number.MAX_SAFE_INTEGER },
      { type: 'string', pattern: BYTES.source },
    ],
  });
};

/** A JSON object of any content; as text, its JSON. */
export const jsonObject = described(
  v.pipe(
    v.unknown(),
    readBy<unknown, Readonly<Record<string, unknown>>>('a JSON object', (value) => {
      let read = value;
      try {
        if (typeof value === 'string') read = JSON.parse(value);
      } catch {
        return undefined;
      }
      return typeof read === 'object' && read !== null && !Array.isArray(read)
        ? (read as Record<string, unknown>)
        : undefined;
    }),
  ),
  { type: 'object' },
);

/** A schema of its own making, with how a file has it. */
export const valueOf = <Schema extends v.GenericSchema>(schema: Schema, jsonSchema: JsonSchema) =>
  described(schema, jsonSchema);
