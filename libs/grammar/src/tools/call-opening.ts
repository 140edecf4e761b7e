import { ANY_WORD, TOOL_NAME, type AnswerFormat, type CallFormat, type Marker } from './answer-format.js';

/** A piece of a call as it is written. */
export type Piece = { readonly kind: 'text'; readonly text: Marker } | { readonly kind: 'id' | 'object' | 'arguments' };

/** What a call of a tool is written as, from behind what is before it: texts beside each other are one. */
export function piecesOf({ callStart, callEnd, body }: CallFormat, tool: string, before: Marker): Piece[] {
  const pieces: Piece[] = [];
  const add = (...more: readonly (Piece | Marker)[]): void => {
    for (const piece of more) {
      const last = pieces.at(-1);
      if (typeof piece !== 'string') pieces.push(piece);
      else if (last?.kind === 'text') pieces[pieces.length - 1] = { kind: 'text', text: last.text + piece };
      else pieces.push({ kind: 'text', text: piece });
    }
  };
  add(before + callStart.replaceAll(TOOL_NAME, tool));
  if (body.kind === 'json') add({ kind: 'object' });
  else if (body.kind === 'named-json') {
    const { id } = body;
    if (id?.place === 'before') add({ kind: 'id' }, id.marker);
    add(id?.place === 'around' ? `${id.prefix}${tool}:${ANY_WORD}` : tool);
    if (id?.place === 'behind') add(id.marker, { kind: 'id' });
    add(body.nameEnd, { kind: 'arguments' });
  } else add(tool + body.nameEnd, { kind: 'arguments' });
  add(callEnd.replaceAll(TOOL_NAME, tool));
  return pieces;
}

/** Shorter beginnings stand in prose. */
const MIN_UNMARKED = 4;
const TAG = /<[^<>\s]*>|\[[A-Z_/]+\]/g;

/**
 * The shortest beginning of a call that nothing else begins with: a whole tag, or the tool's name and what follows it. Empty: a call begins
 * with nothing by which it could be told.
 * @param opening all text before what differs from call to call
 */
export function triggerOf(opening: Marker, tool: string, format: AnswerFormat): Marker {
  const { reasoning, contentStart, contentEnds, turnEnd, turnJoin = '' } = format;
  const text = opening.trimStart();
  const others = [reasoning?.start ?? '', reasoning?.end ?? '', contentStart, ...contentEnds, turnEnd, turnJoin].map(
    (other) => other.trim(),
  );
  const nameAt = text.indexOf(tool);
  const nameEnd = nameAt < 0 ? Infinity : nameAt + tool.length;
  const tags = [...text.matchAll(TAG)].map(({ 0: tag, index }) => [index, index + tag.length]);
  const words = [...text.matchAll(/\s+/g)].map(({ index }) => index);
  const places = [
    ...tags.map(([, end]) => end),
    ...words.filter((at) => tags.some(([, end]) => end <= at)),
    behindName(nameEnd, tags),
  ].sort((a, b) => a - b);
  const found = places
    .map((at) => text.slice(0, at))
    .find((begun) => begun.trim() !== '' && !others.some((other) => other.startsWith(begun.trim())));
  return found ?? (text.trim().length >= MIN_UNMARKED ? text.trimEnd() : '');
}

/** The place behind a name and what tells it from a longer one: a character, or the tag that it begins. */
function behindName(nameEnd: number, tags: readonly (readonly number[])[]): number {
  return tags.find(([start]) => start === nameEnd)?.[1] ?? nameEnd + 1;
}

/** A regular expression for a beginning: white space in it stands for any. */
export function patternOf(text: Marker): string {
  return text
    .split(new RegExp(`(\\s+|${ANY_WORD})`))
    .map((part, i, all) => {
      if (part === ANY_WORD) return '[0-9]+';
      if (part !== '' && part.trim() === '') return i >= all.length - 2 ? '\\s' : '\\s*';
      return Array.from(part, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`).join('');
    })
    .join('');
}
