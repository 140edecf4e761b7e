import type { Splitter } from '../split/splitter.js';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import type { NormalizedText } from './normalized-text.js';
import { literalRegex } from './regex/oniguruma.js';
import { writePrefix } from './text-edit.js';
import { tile, type Tile } from './tile.js';

/** A text and the pieces of it that are left to encode: starts and ends, in turn. */
export interface Pieces {
  readonly text: NormalizedText;
  readonly ranges: readonly number[];
}

/** Cuts pieces, drops some, or writes them anew; later steps see what this one wrote. */
export type PieceStep = (pieces: Pieces) => Pieces;

/** What becomes of the matches of a pattern. */
export const SPLIT_BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type SplitBehavior = (typeof SPLIT_BEHAVIORS)[number];

const SPACE = 0x20;

/** Cuts each piece at the matches of a pattern; `inverted` swaps matches and the rest. */
export function splitStep(pattern: RegExp, behavior: SplitBehavior, inverted: boolean): PieceStep {
  return splitTiles((bytes, start, end) => tile(pattern, bytes, start, end), behavior, inverted);
}

/** As `splitStep`, for what finds matches in its own way. */
export function splitTiles(
  find: (bytes: Uint8Array, start: number, end: number) => Tile[],
  behavior: SplitBehavior,
  inverted: boolean,
): PieceStep {
  return ({ text, ranges }) => {
    const result: number[] = [];
    for (let i = 0; i < ranges.length; i += 2) {
      const found = find(text.bytes, ranges[i], ranges[i + 1]);
      const tiles = inverted ? found.map((one) => ({ ...one, matched: !one.matched })) : found;
      for (const { start, end } of arrange(tiles, behavior)) if (end > start) result.push(start, end);
    }
    return { text, ranges: result };
  };
}

function arrange(tiles: readonly Tile[], behavior: SplitBehavior): readonly Tile[] {
  switch (behavior) {
    case 'Removed':
      return tiles.filter((one) => !one.matched);
    case 'Contiguous':
      return joined(tiles, (a, b) => a.matched === b.matched);
    case 'MergedWithPrevious':
      return joined(tiles, (a, b) => b.matched && !a.matched);
    case 'MergedWithNext':
      return joined(tiles, (a, b) => a.matched && !b.matched);
    case 'Isolated':
      return tiles;
  }
}

/** Joins neighbours for which `join` holds. */
function joined(tiles: readonly Tile[], join: (a: Tile, b: Tile) => boolean): Tile[] {
  const result: Tile[] = [];
  tiles.forEach((one, i) => {
    const last = result.at(-1);
    if (last !== undefined && join(tiles[i - 1], one)) result[result.length - 1] = { ...last, end: one.end };
    else result.push(one);
  });
  return result;
}

/** Cuts each piece with a splitter. */
export function cutStep(splitter: Splitter): PieceStep {
  return ({ text, ranges }) => {
    const result: number[] = [];
    for (let i = 0; i < ranges.length; i += 2) {
      const end = ranges[i + 1];
      splitter.begin?.(text.bytes, ranges[i], end);
      for (let at = ranges[i]; at < end; ) {
        const next = splitter.next(text.bytes, at, end);
        result.push(at, next);
        at = next;
      }
    }
    return { text, ranges: result };
  };
}

/** Puts a space in front of each piece that has none. */
export const prefixSpaceStep: PieceStep = (pieces) =>
  rewritten(pieces, (text, start, end, result) => {
    if (text.bytes[start] !== SPACE) writePrefix(' ', text, start, result);
    result.copy(text, start, end);
  });

/** How Metaspace marks spaces. */
export interface MetaspaceOptions {
  /** Takes the place of a space: one character. */
  readonly mark: string;
  /** Which pieces get a mark in front. */
  readonly scheme: 'always' | 'first' | 'never';
  /** Cuts before each mark. */
  readonly splits: boolean;
}

/** SentencePiece's spaces: a mark in the place of each, one in front, and a piece for each mark with what follows it. */
export function metaspaceStep({ mark, scheme, splits }: MetaspaceOptions): PieceStep {
  const cp = mark.codePointAt(0) ?? SPACE;
  const cut = splitStep(literalRegex(mark), 'MergedWithNext', false);
  return (pieces) => {
    const marked = rewritten(pieces, (text, start, end, result) => {
      const opening = codePointAt(text.bytes, start);
      const wantsMark = scheme === 'always' || (scheme === 'first' && text.isFirst(start));
      if (wantsMark && opening !== SPACE && opening !== cp) writePrefix(mark, text, start, result);
      for (let at = start, next = start; at < end; at = next) {
        next = at + sequenceLength(text.bytes[at]);
        if (text.bytes[at] === SPACE) result.write([cp], text, at, next);
        else result.copy(text, at, next);
      }
    });
    return splits ? cut(marked) : marked;
  };
}

/** Pieces that `write` writes anew, one after another. */
export function rewritten(
  { text, ranges }: Pieces,
  write: (text: NormalizedText, start: number, end: number, result: NormalizedText) => void,
): Pieces {
  const result = text.successor();
  const moved: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    moved.push(result.length);
    write(text, ranges[i], ranges[i + 1], result);
    moved.push(result.length);
  }
  return { text: result, ranges: moved };
}
