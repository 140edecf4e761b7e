import type { JsonSchema } from '@valibot/to-json-schema';

/** A field of an object, as people read it. */
export interface FieldWords {
  readonly name: string;
  readonly isRequired: boolean;
  readonly words: string;
}

/** How deep objects in objects are told. */
const DEPTH = 3;

/** The fields of an object and of the objects in it: `messages[].role`. */
export function fieldsOf(schema: JsonSchema, prefix = '', depth = 0): FieldWords[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    const name = `${prefix}${key}`;
    const own: FieldWords = { name, isRequired: required.has(key), words: wordsOf(field) };
    return depth >= DEPTH ? [own] : [own, ...innerFields(field, name, depth + 1)];
  });
}

function innerFields(field: JsonSchema | boolean, name: string, depth: number): FieldWords[] {
  if (typeof field === 'boolean') return [];
  const inner = field.anyOf?.flatMap((option) => innerFields(option, name, depth)) ?? [];
  const items =
    typeof field.items === 'object' && !Array.isArray(field.items) ? innerFields(field.items, `${name}[]`, depth) : [];
  const all = [...inner, ...items, ...(field.properties === undefined ? [] : fieldsOf(field, `${name}.`, depth))];
  // Several kinds of object have fields of the same name: each once.
  return all.filter((one, i) => all.findIndex((other) => other.name === one.name && other.words === one.words) === i);
}

/** What a value may be: `a text, up to 256 characters, or null`. */
export function wordsOf(schema: JsonSchema | boolean): string {
  if (typeof schema === 'boolean') return 'anything';
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(wordsOf))].join(', or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  const otherwise = schema.default === undefined ? '' : `; else ${JSON.stringify(schema.default)}`;
  return `${plainWords(schema)}${otherwise}`;
}

function plainWords({ type, items, ...schema }: JsonSchema): string {
  switch (type) {
    case 'string':
      return `a text${range(schema.minLength, schema.maxLength, 'character', 'characters')}`;
    case 'integer':
      return `a whole number${range(schema.minimum, schema.maximum)}`;
    case 'number':
      return `a number${schema.exclusiveMinimum === undefined ? range(schema.minimum, schema.maximum) : ` above ${schema.exclusiveMinimum}`}`;
    case 'boolean':
      return 'true or false';
    case 'array': {
      const each = typeof items === 'object' && !Array.isArray(items) ? `, each ${wordsOf(items)}` : '';
      return `a list${range(schema.minItems, schema.maxItems, 'entry', 'entries')}${each}`;
    }
    case 'object':
      return 'an object';
    case 'null':
      return 'null';
    default:
      return 'anything';
  }
}

function range(least: number | undefined, most: number | undefined, one = '', many = ''): string {
  const unit = (count: number): string => (many === '' ? '' : ` ${count === 1 ? one : many}`);
  const said = (count: number): string => count.toLocaleString('en-US');
  if (least !== undefined && most !== undefined) return `, ${said(least)} to ${said(most)}${unit(most)}`;
  if (least !== undefined) return `, ${said(least)}${unit(least)} or more`;
  return most === undefined ? '' : `, up to ${said(most)}${unit(most)}`;
}
