import { literalOf } from './literal.js';

/** Elements inside of elements: deeper ones are text. */
const MAX_DEPTH = 32;
/** The name of a list's elements. */
const ITEM = 'item';

/**
 * The JSON text of a value that is written as elements named by its keys, `<key>value</key>`, each tag behind a prefix.
 * @param open what begins an element: the prefix, and `<`
 * @param type what the tool's schema says that the value is
 * @returns undefined if the text is none of elements
 */
export function nestedValue(text: string, open: string, type: string | undefined, depth = 0): string | undefined {
  const isEmpty = text.trim() === '';
  if (isEmpty && (type === 'object' || type === 'array')) return type === 'object' ? '{}' : '[]';
  const elements = depth > MAX_DEPTH ? undefined : elementsOf(text, open);
  if (elements === undefined || elements.length === 0) return undefined;
  const values = elements.map(({ key, inner }) => ({
    key,
    value: nestedValue(inner, open, undefined, depth + 1) ?? literalOf(inner) ?? JSON.stringify(inner),
  }));
  const isList = type === 'array' || (type !== 'object' && values.every(({ key }) => key === ITEM));
  return isList
    ? `[${values.map(({ value }) => value).join(', ')}]`
    : `{${values.map(({ key, value }) => `${JSON.stringify(key)}: ${value}`).join(', ')}}`;
}

function elementsOf(text: string, open: string): { readonly key: string; readonly inner: string }[] | undefined {
  const elements: { key: string; inner: string }[] = [];
  for (let at = 0; ; ) {
    while (/\s/.test(text.charAt(at))) at++;
    if (at >= text.length) return elements;
    const nameEnd = text.startsWith(open, at) ? text.indexOf('>', at + open.length) : -1;
    const key = text.slice(at + open.length, nameEnd);
    if (nameEnd < 0 || key.startsWith('/')) return undefined;
    const end = endOf(text, `${open}${key}>`, `${open}/${key}>`, nameEnd + 1);
    if (end === undefined) return undefined;
    elements.push({ key, inner: text.slice(nameEnd + 1, end) });
    at = end + open.length + key.length + 2;
  }
}

/** Where the element ends that was begun before `from`: elements of the same name may be inside of it. */
function endOf(text: string, start: string, end: string, from: number): number | undefined {
  for (let depth = 1, at = from; ; ) {
    const [nextStart, nextEnd] = [text.indexOf(start, at), text.indexOf(end, at)];
    if (nextEnd < 0) return undefined;
    const isStart = nextStart >= 0 && nextStart < nextEnd;
    depth += isStart ? 1 : -1;
    if (depth === 0) return nextEnd;
    at = isStart ? nextStart + start.length : nextEnd + end.length;
  }
}
