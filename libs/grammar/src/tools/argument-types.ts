/** Schemas inside of others that are looked into. */
const MAX_DEPTH = 16;

type Schema = Readonly<Record<string, unknown>>;

/**
 * The JSON types that a tool's schema names for an argument, in its order; undefined where it says nothing of them. Readers of calls that
 * write values without quotes, and their grammars, tell strings from other values by it.
 * @param parameters the JSON Schema of the tool's arguments
 */
export function typesOfArgument(parameters: unknown, argument: string): readonly string[] | undefined {
  const root = schemaOf(parameters);
  const properties = schemaOf(root?.properties);
  if (root === undefined || properties === undefined || !Object.hasOwn(properties, argument)) return undefined;
  return typesOf(properties[argument], root, 0);
}

function typesOf(value: unknown, root: Schema, depth: number): readonly string[] | undefined {
  const schema = schemaOf(value);
  if (schema === undefined || depth > MAX_DEPTH) return undefined;
  const { type, anyOf, oneOf, allOf, $ref, enum: values } = schema;
  if (typeof type === 'string') return [type.toLowerCase()];
  if (Array.isArray(type))
    return type.filter((one): one is string => typeof one === 'string').map((one) => one.toLowerCase());
  const data: unknown = Object.hasOwn(schema, 'const') ? [schema.const] : values;
  if (Array.isArray(data) && data.every((one) => typeof one === 'string')) return ['string'];
  if (typeof $ref === 'string') return typesOf(targetOf($ref, root), root, depth + 1);
  const parts: unknown = anyOf ?? oneOf;
  if (Array.isArray(parts)) {
    const types = parts.map((part: unknown) => typesOf(part, root, depth + 1));
    return types.includes(undefined) ? undefined : [...new Set(types.flatMap((one) => one ?? []))];
  }
  if (!Array.isArray(allOf)) return undefined;
  for (const part of allOf) {
    const types = typesOf(part, root, depth + 1);
    if (types !== undefined) return types;
  }
  return undefined;
}

/** What a reference within the document points to. */
function targetOf(reference: string, root: Schema): unknown {
  if (!reference.startsWith('#/')) return undefined;
  return reference
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((value: unknown, part) => {
      const schema = schemaOf(value);
      return schema !== undefined && Object.hasOwn(schema, part) ? schema[part] : undefined;
    }, root);
}

function schemaOf(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}
