/** The text that both begin with, cut back so that no `<...>` or `[...]` of either is split. */
export function commonPrefix(a: string, b: string): string {
  const length = prefixLength(a, b);
  return a.slice(0, Math.min(wholeBefore(a, length), wholeBefore(b, length)));
}

/** The text that both end with, cut so that no `<...>` or `[...]` of either is split, and so that it does not begin behind half a word. */
export function commonSuffix(a: string, b: string): string {
  let length = suffixLength(a, b);
  length = Math.min(a.length - wholeAfter(a, a.length - length), b.length - wholeAfter(b, b.length - length));
  const suffix = a.slice(a.length - length);
  // `tools<|sep|>...` and `response<|sep|>...`: what follows the words that differ belongs to them.
  const isBehindWord = [a, b].every((text) => /\w/.test(text.charAt(text.length - length - 1)));
  const next = isBehindWord && suffix.startsWith('<') ? suffix.indexOf('<', 1) : 0;
  return next > 0 ? suffix.slice(next) : suffix;
}

/** Characters that both begin with. */
export function prefixLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** Characters that both end with. */
export function suffixLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length;
}

/** The largest position up to `at` that is not inside of a tag. */
function wholeBefore(text: string, at: number): number {
  const open = Math.max(text.lastIndexOf('<', at - 1), text.lastIndexOf('[', at - 1));
  if (at <= 0 || open < 0) return at;
  const close = text.indexOf(text[open] === '<' ? '>' : ']', open);
  return close >= at ? open : at;
}

/** The smallest position from `at` on that is not inside of a tag. */
function wholeAfter(text: string, at: number): number {
  const whole = wholeBefore(text, at);
  if (whole === at) return at;
  return text.indexOf(text[whole] === '<' ? '>' : ']', whole) + 1;
}
