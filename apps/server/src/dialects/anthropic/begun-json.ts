/**
 * What a JSON text that was cut says for certain: each value of it that came to its end, and nothing of what was under way. As the official client
 * reads a stream that was cut.
 * @returns undefined where nothing came to its end
 */
export function begunJson(text: string): unknown {
  const closers: string[] = [];
  /** Behind it all could be closed: how far the text goes there, and what would close it. */
  let whole: { readonly end: number; readonly closing: string } | undefined;
  /** What a string is, where one begins: names stand in objects, behind a brace or a comma. */
  let isName = false;
  let i = 0;
  const note = (end: number): void => void (whole = { end, closing: closers.toReversed().join('') });
  while (i < text.length) {
    const sign = text[i];
    if (sign === '"') {
      const end = endOfString(text, i);
      if (end === undefined) break;
      if (!isName) note(end);
      i = end;
      continue;
    }
    if (sign === '{' || sign === '[') {
      closers.push(sign === '{' ? '}' : ']');
      isName = sign === '{';
      note(i + 1);
    } else if (sign === '}' || sign === ']') {
      // A number or a word that ends here, too.
      closers.pop();
      note(i + 1);
    } else if (sign === ',') {
      note(i);
      isName = closers.at(-1) === '}';
    } else if (sign === ':') isName = false;
    i++;
  }
  if (whole === undefined) return undefined;
  try {
    return JSON.parse(text.slice(0, whole.end) + whole.closing);
  } catch {
    return undefined;
  }
}

/** The position behind a string that begins at `from`; undefined if it has no end. */
function endOfString(text: string, from: number): number | undefined {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  return undefined;
}
