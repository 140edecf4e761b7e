import type { AnswerFormat } from '@starling/grammar';
import { isBlank } from './marker.js';

/**
 * What of an answer's markers a prompt ends with: reasoning that the template opened, or opened and closed. Other words there are the
 * template's, and whatever stands before is of other turns: a prompt need not end with the header, as behind the results of tools.
 */
export function markersBegun(format: AnswerFormat, prompt: string): string {
  const { header, begun, reasoning, contentStart } = format;
  const headerAt = header === '' ? -1 : prompt.lastIndexOf(header);
  const markers = [begun, reasoning?.start ?? '', reasoning?.end ?? '', contentStart]
    .filter((marker) => !isBlank(marker))
    .map((marker) => marker.trim());
  if (headerAt >= 0) {
    const from = headerAt + header.length;
    if (markersStart(prompt, from, markers) === from) return prompt.slice(from);
  }
  // Where reasoning ends as a turn does, the end of the turn before is no end of reasoning.
  const isOwn = (marker: string): boolean =>
    header === '' || !(marker.endsWith(header.trim()) || header.trim().endsWith(marker));
  return prompt.slice(markersStart(prompt, 0, markers.filter(isOwn)));
}

/** Where the markers begin that a text ends with, and white space between them; not before `min`. */
function markersStart(text: string, min: number, markers: readonly string[]): number {
  for (let at = text.length; ; ) {
    let end = at;
    while (end > min && /\s/.test(text[end - 1])) end--;
    if (end === min) return min;
    const marker = markers.find((one) => end - one.length >= min && text.endsWith(one, end));
    if (marker === undefined) return at;
    at = end - marker.length;
  }
}

/** The text of the answer that a prompt ends within; undefined where the prompt does not show where that begins. */
export function answerBegun({ header }: AnswerFormat, prompt: string): string | undefined {
  const headerAt = header === '' ? -1 : prompt.lastIndexOf(header);
  return headerAt < 0 ? undefined : prompt.slice(headerAt + header.length);
}
