import { ANY_WORD, LOOSE, TOOL_NAME, type Marker } from '@starling/grammar';
import type { Feed, Reading } from './feed.js';

/** Pieces of a marker: literals between white space, words, and what may be anything. */
type Part = { readonly literal: string } | 'word' | 'loose';

/** Characters of names, types and numbers in markers. */
const WORD = /[\w.\-/]/;
/** Where white space may stand: where the template has some, and between two tags, where models write new lines of their own. */
const BETWEEN = /\s+|(?<=>)(?=<)/;
/** A word of a marker is a name or a number; what is loose, a few words. */
const MAX_WORD = 256;

/** A word that differs from call to call. */
const ANY = new RegExp(`[${ANY_WORD}${TOOL_NAME}]`);
/** A format has some twenty markers; those of the formats used last are kept taken apart. */
const MAX_KEPT = 1024;
const kept = new Map<Marker, readonly Part[]>();

function partsOf(marker: Marker): readonly Part[] {
  let parts = kept.get(marker);
  if (!parts) {
    if (kept.size >= MAX_KEPT) kept.clear();
    parts = marker.split(LOOSE).flatMap((text, i): Part[] => (i % 2 === 1 ? ['loose'] : fixedParts(text)));
    kept.set(marker, parts);
  }
  return parts;
}

function fixedParts(text: string): Part[] {
  return text
    .split(BETWEEN)
    .filter((piece) => piece !== '')
    .flatMap((piece) =>
      piece
        .split(ANY)
        .flatMap((literal, i): Part[] => [
          ...(i > 0 ? (['word'] as const) : []),
          ...(literal === '' ? [] : [{ literal }]),
        ]),
    );
}

/** Whether a marker has nothing to match. */
export function isBlank(marker: Marker): boolean {
  return marker.trim() === '';
}

/** The literal that a marker begins with: where it may be found in text. Undefined for an empty marker, and for one that begins with any word. */
export function triggerOf(marker: Marker): string | undefined {
  const first = partsOf(marker).at(0);
  return typeof first === 'object' ? first.literal : undefined;
}

/** Reads a marker if it comes next, with the white space before it; else nothing. An empty marker is always there. */
export function* acceptMarker(feed: Feed, marker: Marker): Reading<boolean> {
  const start = feed.at;
  const parts = partsOf(marker);
  for (const [i, part] of parts.entries()) {
    yield* feed.skipSpace();
    if (part === 'word') yield* feed.run(WORD, MAX_WORD);
    else if (part === 'loose') yield* skipTo(feed, parts[i + 1]);
    else if (!(yield* feed.accept(part.literal))) {
      feed.at = start;
      return false;
    }
  }
  return true;
}

/** Reads up to a literal on the same line; no further than words may be long. */
function* skipTo(feed: Feed, next: Part | undefined): Reading<void> {
  if (typeof next !== 'object') return;
  for (let count = 0; count < MAX_WORD && !(yield* feed.startsWith(next.literal)); count++) {
    const char = yield* feed.peek();
    if (char === '' || char === '\n') return;
    feed.at++;
  }
}

/** Whether a marker comes next; nothing is read. An empty one never does. */
export function* isMarkerNext(feed: Feed, marker: Marker): Reading<boolean> {
  if (isBlank(marker)) return false;
  const start = feed.at;
  const isNext = yield* acceptMarker(feed, marker);
  feed.at = start;
  return isNext;
}
