import { grammarError, LIMITS, limitError } from '../limits.js';

/** A list or object whose values are being looked at. */
interface Open {
  readonly value: object;
  readonly keys: readonly string[];
  next: number;
}

/**
 * Refuses a schema that is not JSON, or too deep or large to work on: whoever passes it may walk it by recursion and write it as a
 * text. Looks at data (`const`, `enum`, `default`) and at words that nobody knows as well; does not recurse itself.
 * @throws StarlingError invalid_grammar with the place in `details.path`, and at a limit (`details.limit`)
 */
export function checkSchemaValues(schema: unknown): void {
  const open: Open[] = [];
  let count = 0;
  const look = (value: unknown): void => {
    if (++count > LIMITS.schemaValues) throw limitError('schemaValues', 'values in the schema', { path: pathOf(open) });
    if (
      value === null ||
      typeof value === 'string' ||
      typeof value === 'boolean' ||
      (typeof value === 'number' && Number.isFinite(value))
    )
      return;
    if (typeof value !== 'object') throw notJson(open, value);
    if (open.length > LIMITS.nesting)
      throw limitError('nesting', 'nested values in the schema', { path: pathOf(open) });
    open.push({ value, keys: Object.keys(value), next: 0 });
  };
  look(schema);
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    if (inner.next === inner.keys.length) {
      open.pop();
      continue;
    }
    const value = (inner.value as Readonly<Record<string, unknown>>)[inner.keys[inner.next++]];
    // A keyword without a value, as programs write it, is one that is not there.
    if (value !== undefined || Array.isArray(inner.value)) look(value);
  }
}

function notJson(open: readonly Open[], value: unknown): Error {
  const path = pathOf(open);
  const what = typeof value === 'number' ? String(value) : value === undefined ? 'undefined' : `a ${typeof value}`;
  return grammarError(`JSON Schema at ${path || '/'}: expected JSON, received ${what}`, { path });
}

/** JSON pointer of the value that is looked at. */
function pathOf(open: readonly Open[]): string {
  return open.map(({ keys, next }) => `/${keys[next - 1].replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
