import type { Splitter } from '../split/splitter.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import { splitTiles, type PieceStep, type SplitBehavior } from './piece-steps.js';
import type { Tile } from './tile.js';

/** Whether a character is one of those that a step looks for. */
export type IsMatch = (cp: number) => boolean;

/** Cuts each piece at the characters that match, one by one. */
export function characterStep(isMatch: IsMatch, behavior: SplitBehavior): PieceStep {
  return splitTiles((bytes, start, end) => tilesOf(isMatch, bytes, start, end), behavior, false);
}

function tilesOf(isMatch: IsMatch, bytes: Uint8Array, start: number, end: number): Tile[] {
  const tiles: Tile[] = [];
  let last = start;
  for (let at = start, next = start; at < end; at = next) {
    next = at + sequenceLength(bytes[at]);
    if (!isMatch(codePointAt(bytes, at))) continue;
    if (at > last) tiles.push({ start: last, end: at, matched: false });
    tiles.push({ start: at, end: next, matched: true });
    last = next;
  }
  if (last < end) tiles.push({ start: last, end, matched: false });
  return tiles;
}

/** Cuts out the characters that match: each on its own, or runs of them. */
export class CharacterSplitter implements Splitter {
  constructor(
    private readonly isMatch: IsMatch,
    private readonly joinsRuns: boolean,
  ) {}

  next(bytes: Uint8Array, start: number, end: number): number {
    const matched = this.isMatch(codePointAt(bytes, start));
    let at = start + sequenceLength(bytes[start]);
    if (matched && !this.joinsRuns) return at;
    while (at < end && this.isMatch(codePointAt(bytes, at)) === matched) at += sequenceLength(bytes[at]);
    return at;
  }
}
