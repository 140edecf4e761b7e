/** Characters of a conversation, tools and all, that are rendered at once: some tens of milliseconds. */
const LONG_CHARACTERS = 1 << 17;
/** What a value costs beside its characters, as many. */
const VALUE_CHARACTERS = 16;

/** Whether rendering a value takes long. Looks at no more of it than it takes to know. */
export function isLongValue(value: unknown): boolean {
  let left = LONG_CHARACTERS;
  const waiting: unknown[] = [value];
  while (waiting.length > 0 && left > 0) {
    const next = waiting.pop();
    left -= VALUE_CHARACTERS;
    if (typeof next === 'string') left -= next.length;
    else if (Array.isArray(next) && next.length * VALUE_CHARACTERS > left) return true;
    else if (typeof next === 'object' && next !== null) {
      for (const key in next) {
        if (!Array.isArray(next)) left -= key.length;
        waiting.push((next as Readonly<Record<string, unknown>>)[key]);
      }
    }
  }
  return left <= 0;
}
