import { StarlingError } from '@starling/core';
import { unitsOf } from './units.js';

/** A stretch of text that matched, or that lies between matches. */
export interface Tile {
  readonly start: number;
  readonly end: number;
  readonly matched: boolean;
}

/**
 * `bytes[start, end)` as matches of a pattern and what lies between them. A match of nothing is a tile too, unless it stands right behind
 * the match before it.
 */
export function tile(pattern: RegExp, bytes: Uint8Array, start: number, end: number): Tile[] {
  const { string, positionOf } = unitsOf(bytes, start, end);
  const tiles: Tile[] = [];
  let last = start;
  let lastMatch = -1;
  // Not by `matchAll`, which makes another expression each time.
  pattern.lastIndex = 0;
  for (let match = nextMatch(pattern, string); match !== null; match = nextMatch(pattern, string)) {
    if (match[0] === '') pattern.lastIndex += (string.codePointAt(match.index) ?? 0) > 0xffff ? 2 : 1;
    const from = positionOf(match.index);
    const to = positionOf(match.index + match[0].length);
    if (from === to && from === lastMatch) continue;
    if (from > last) tiles.push({ start: last, end: from, matched: false });
    tiles.push({ start: from, end: to, matched: true });
    last = lastMatch = to;
  }
  if (last < end) tiles.push({ start: last, end, matched: false });
  return tiles;
}

/** @throws StarlingError `invalid_argument` for a text that the engine cannot keep all ways to match of */
function nextMatch(pattern: RegExp, text: string): RegExpExecArray | null {
  try {
    return pattern.exec(text);
  } catch (cause) {
    throw new StarlingError(
      'invalid_argument',
      `a text of ${text.length} characters is too long for the expression ${pattern.source.slice(0, 60)} of the vocabulary: encode it in parts`,
      {
        details: { length: text.length },
        cause,
      },
    );
  }
}
