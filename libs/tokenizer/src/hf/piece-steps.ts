import { TEXT_START } from '../text/utf8.js';
import { RewrittenText } from '../text/rewritten-text.js';
import { isSpaceMark } from '../vocabulary/canonical.js';
import { tile, type Tile } from './regex-stage.js';

/** A text and the pieces of it that are left to encode: starts and ends, in turn. */
export interface Pieces {
  readonly text: RewrittenText;
  readonly ranges: readonly number[];
}

/** Cuts pieces, drops some, or changes their text. */
export type PieceStep = (pieces: Pieces) => Pieces;

const SPACE = 0x20;

/** Cuts each piece at the matches of a pattern; `behavior` says what becomes of them, `inverted` swaps matches and the rest. */
export function splitStep(pattern: RegExp, behavior: string, inverted: boolean): PieceStep {
  return ({ text, ranges }) => {
    const result: number[] = [];
    for (let i = 0; i < ranges.length; i += 2) {
      const tiles = tile(pattern, text.bytes, ranges[i], ranges[i + 1]).map((one) => ({ ...one, matched: one.matched !== inverted }));
      for (const { start, end } of arrange(tiles, behavior)) result.push(start, end);
    }
    return { text, ranges: result };
  };
}

function arrange(tiles: readonly Tile[], behavior: string): Tile[] {
  if (behavior === 'Removed') return tiles.filter((one) => !one.matched);
  if (behavior === 'Contiguous') return joined(tiles, (a, b) => a.matched === b.matched);
  if (behavior === 'MergedWithPrevious') return joined(tiles, (a, b) => b.matched && !a.matched);
  if (behavior === 'MergedWithNext') return joined(tiles, (a, b) => a.matched && !b.matched);
  return [...tiles];
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

/** Puts a space in front of each piece that has none. */
export const prefixSpaceStep: PieceStep = (pieces) => withSpaces(pieces, (text, start) => text.bytes[start] !== SPACE);

/** SentencePiece's spaces: one in front, and a piece for each space with what follows it. */
export function metaspaceStep(scheme: 'always' | 'first' | 'never', splits: boolean): PieceStep {
  return (pieces) => {
    const spaced = withSpaces(
      pieces,
      (text, start, end) => text.bytes[start] !== SPACE && !isSpaceMark(text.bytes, start, end) && (scheme === 'always' || (scheme === 'first' && text.starts[start] === TEXT_START)),
    );
    return splits ? splitStep(/[ \u2581]/gu, 'MergedWithNext', false)(spaced) : spaced;
  };
}

function withSpaces({ text, ranges }: Pieces, wanted: (text: RewrittenText, start: number, end: number) => boolean): Pieces {
  const result = new RewrittenText();
  const moved: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const [start, end] = [ranges[i], ranges[i + 1]];
    moved.push(result.length);
    if (wanted(text, start, end)) result.push(SPACE, text.starts[start], text.starts[start]);
    for (let at = start; at < end; at++) result.push(text.bytes[at], text.starts[at], text.ends[at]);
    moved.push(result.length);
  }
  return { text: result, ranges: moved };
}
