/** A value as Node's console would about write it: what an example prints in the browser looks like what its README says. */
export function inspect(value: unknown, depth = 0): string {
  if (typeof value === 'string') return `'${value.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n')}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (depth > 4) return Array.isArray(value) ? '[Array]' : '[Object]';
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  const parts = isList
    ? Array.from(value as ArrayLike<unknown>, (one) => inspect(one, depth + 1))
    : Object.entries(value).map(([name, one]) => `${name}: ${inspect(one, depth + 1)}`);
  if (parts.length === 0) return isList ? '[]' : '{}';
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  const line = `${open} ${parts.join(', ')} ${close}`;
  return line.length <= 72
    ? line
    : `${open}\n${parts.map((part) => `${'  '.repeat(depth + 1)}${part}`).join(',\n')}\n${'  '.repeat(depth)}${close}`;
}
