/** A JSON Schema, as far as the document of the API has them. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
}

export interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example: unknown }>>;
  };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** A whole number from 0 to below its argument. */
export type Random = (below: number) => number;

/** A small generator with a seed (mulberry32), so that a failing request can be made again. */
export function randomSource(seed: number): Random {
  const { imul, floor } = Math;
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = imul(state ^ (state >>> 15), state | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A request to one of the operations. */
export interface RandomRequest {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  /** Absent: none is sent. */
  readonly body?: string;
}

/** How many tokens an answer may have: these fields are kept small, so that requests and not answers take the time. */
const LENGTHS: ReadonlySet<string> = new Set([
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'n_predict',
  'num_predict',
  'n',
  'best_of',
]);
const WORDS = [
  '',
  'a',
  'Once upon a time',
  'user',
  'assistant',
  'system',
  'tool',
  'text',
  'function',
  'json_schema',
  'starling-demo-q8_0',
  'chat-7',
  'true',
  '0',
  '-1',
  '\u0000',
  '\ud800',
  '👩‍👩‍👧',
  '\u202e',
  '<|im_end|>',
  '<s>',
  '{"a":1}',
  'root ::= "a"',
  '__proto__',
  'constructor',
  'x'.repeat(300),
  '\n\n',
  '%s',
  '../../etc/passwd',
] as const;
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  0.5,
  -0.5,
  1e-9,
  64,
  255,
  256,
  257,
  1e9,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  1e308,
  -1e308,
] as const;

/** What would take the model away from the others, or bring files from other hosts. */
const NOT_SENT = /^(\/v1)?\/models\/(load|unload|reload)$|^\/api\/(pull|push|delete|create|copy)$/;

/** Draws requests to all operations of a document, but those: bodies of its schemas, most of them then changed in a few places. */
export function requestSource({ paths, components }: ApiDocument, random: Random): () => RandomRequest {
  const one = <T>(options: readonly T[]): T => options[random(options.length)];
  const operations = Object.entries(paths)
    .filter(([path]) => !NOT_SENT.test(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  const weighted = operations.flatMap((operation) =>
    Array.from({ length: operation.operation.requestBody === undefined ? 1 : 6 }, () => operation),
  );

  function value(schema: Schema, depth: number, name = ''): unknown {
    if (schema.$ref !== undefined) return value(components.schemas[schema.$ref.split('/').at(-1) ?? ''], depth);
    const options = schema.anyOf ?? schema.oneOf;
    if (options !== undefined) return value(one(options), depth, name);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return one(schema.enum);
    switch (schema.type) {
      case 'string':
        return one(WORDS)
          .slice(0, 400)
          .padEnd(schema.minLength ?? 0, 'a');
      case 'integer':
      case 'number':
        return number(schema, name);
      case 'boolean':
        return random(2) === 0;
      case 'null':
        return null;
      case 'array':
        if (schema.prefixItems !== undefined) return schema.prefixItems.map((item) => value(item, depth + 1));
        return Array.from({ length: (schema.minItems ?? 0) + random(depth > 4 ? 1 : 3) }, () =>
          value(schema.items ?? {}, depth + 1),
        );
      case 'object':
        return schema.properties === undefined ? anything(depth) : object(schema, depth);
      default:
        return anything(depth);
    }
  }

  function object({ properties = {}, required = [] }: Schema, depth: number): unknown {
    const share = 1 + random(8);
    const chosen = Object.entries(properties).filter(([name]) => required.includes(name) || random(share + 2) === 0);
    return Object.fromEntries(chosen.map(([name, schema]) => [name, value(schema, depth + 1, name)]));
  }

  function number({ minimum, maximum, type }: Schema, name: string): number {
    if (LENGTHS.has(name)) return random(5);
    const least = minimum ?? -4;
    const drawn =
      random(3) === 0
        ? one(NUMBERS)
        : least + random(Math.min((maximum ?? least + 8) - least, 100) + 1) / (type === 'number' ? 1 + random(4) : 1);
    const bounded = Math.min(Math.max(drawn, least), maximum ?? drawn);
    return type === 'integer' ? Math.round(bounded) : bounded;
  }

  function anything(depth: number): unknown {
    switch (random(depth > 5 ? 5 : 8)) {
      case 0:
        return null;
      case 1:
        return one(NUMBERS);
      case 2:
        return random(2) === 0;
      case 3:
      case 4:
        return one(WORDS);
      case 5:
        return Array.from({ length: random(4) }, () => anything(depth + 1));
      case 6:
        return one(SCHEMAS);
      default:
        return Object.fromEntries(Array.from({ length: random(4) }, () => [one(WORDS), anything(depth + 1)]));
    }
  }

  /** One place of a value changed: put in, taken out, or something else there. */
  function changed(given: unknown, depth = 0): unknown {
    if (typeof given !== 'object' || given === null || random(4) === 0)
      return depth === 0 && random(4) > 0 ? given : anything(depth);
    if (Array.isArray(given)) {
      const copy: unknown[] = [...(given as unknown[])];
      if (copy.length === 0 || random(5) === 0) copy.splice(random(copy.length + 1), 0, anything(depth + 1));
      else if (random(5) === 0) copy.splice(random(copy.length), 1);
      else copy[random(copy.length)] = changed(one(copy), depth + 1);
      return copy;
    }
    const entries = Object.entries(given);
    if (entries.length === 0 || random(6) === 0)
      return Object.fromEntries([...entries, [one(WORDS), anything(depth + 1)]]);
    const at = random(entries.length);
    if (random(5) === 0) return Object.fromEntries(entries.filter((_, i) => i !== at));
    return Object.fromEntries(entries.map(([key, inner], i) => [key, i === at ? changed(inner, depth + 1) : inner]));
  }

  /** Answers of examples, and of changed numbers, are kept short too; a few may be as long as they get. */
  const short = (name: string, inner: unknown): unknown =>
    LENGTHS.has(name) && typeof inner === 'number' && inner > 4 && random(20) > 0 ? 4 : inner;

  /** A text that may be JSON no more. */
  function broken(text: string): string {
    const at = random(text.length + 1);
    return random(2) === 0
      ? text.slice(0, at)
      : text.slice(0, at) + one(['"', '{', '}', '[', ']', ',', '\u0000', '1e999', 'NaN', '\\']) + text.slice(at);
  }

  return () => {
    const { method, path, operation } = one(weighted);
    const at = path.replace(/\{\w+\}/g, () =>
      encodeURIComponent(one(['resp_1', ...WORDS.filter((word) => word !== '' && !/\p{Surrogate}/u.test(word))])),
    );
    const media = operation.requestBody?.content['application/json'];
    if (media === undefined)
      return {
        method,
        path: random(4) === 0 ? `${at}?model=${encodeURIComponent(one(['', 'a', 'starling-demo-q8_0']))}` : at,
        operation,
      };
    let body: unknown = random(3) === 0 ? media.example : value(media.schema, 0);
    for (let changes = Math.max(random(6) - 2, 0); changes > 0; changes--) body = changed(body);
    const text = JSON.stringify(body, short) ?? 'null';
    return { method, path: at, operation, body: random(25) === 0 ? broken(text) : text };
  };
}

/** Schemas and tools that compile, so that some requests get far. */
const SCHEMAS = [
  { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
  { type: 'string', pattern: '^[a-z]{1,3}$' },
  { enum: [1, 'two', null] },
  { $ref: '#/$defs/a', $defs: { a: { type: 'array', items: { $ref: '#/$defs/a' } } } },
  { type: 'nothing' },
  { allOf: [{ type: 'string' }, { type: 'number' }] },
];
