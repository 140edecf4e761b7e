/**
 * Keeps the text of users from becoming control tokens. Where a message holds the very text of a control token, that stretch
 * is put between two marks before the template runs. Templates cut, trim and join strings, but have no reason to touch a
 * noncharacter; so after rendering the marks tell which stretches of the prompt are literal text, however it was put together.
 */

/** Unicode noncharacters: never text in interchange, so they cannot be content. */
const BEGIN = '\ufdd0';
const END = '\ufdd1';
const MARKS = /[\ufdd0\ufdd1]/g;

/** A stretch of a prompt. In a literal one, what reads like a control token is plain text. */
export interface PromptSegment {
  readonly text: string;
  readonly literal: boolean;
}

/** Finds the texts of control tokens in strings. Without any, nothing is marked. */
export function literalMarker(controlTexts: Iterable<string>): (text: string) => string {
  const alternatives = [...new Set(controlTexts)]
    .filter((text) => text.length > 0)
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  if (alternatives.length === 0) return (text) => text.replace(MARKS, '\ufffd');
  const pattern = new RegExp(alternatives.join('|'), 'g');
  return (text) => text.replace(MARKS, '\ufffd').replace(pattern, (match) => BEGIN + match + END);
}

/** Cuts a rendered prompt at its marks, which are left out. Empty segments are too. */
export function splitAtMarks(rendered: string): PromptSegment[] {
  const segments: PromptSegment[] = [];
  const add = (text: string, literal: boolean): void => {
    if (text.length > 0) segments.push({ text: text.replace(MARKS, ''), literal });
  };
  let position = 0;
  for (;;) {
    const begin = rendered.indexOf(BEGIN, position);
    const end = begin < 0 ? -1 : rendered.indexOf(END, begin);
    if (end < 0) break;
    add(rendered.slice(position, begin), false);
    add(rendered.slice(begin + 1, end), true);
    position = end + 1;
  }
  add(rendered.slice(position), false);
  return segments;
}
