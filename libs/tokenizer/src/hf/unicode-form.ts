import type { NormalizedText } from './normalized-text.js';
import { eachRun, type TextEdit } from './text-edit.js';

/** The normalization forms of Unicode. */
export type UnicodeForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** A run that normalizes as a whole: a character with the marks that follow it, or Hangul letters that may join. */
const COMPOSABLE =
  /[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\uac00-\ud7a3\uffa0-\uffdc]+\p{M}*|[^\p{M}]\p{M}+|[^\p{M}\0-\x7f]|\p{M}+/gu;

/** A part of a decomposed run, and where it comes from. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/** Writes a text in a normalization form; each character comes from exactly those that it was composed of. */
export function unicodeForm(form: UnicodeForm): TextEdit {
  const decomposition = form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD';
  return eachRun(COMPOSABLE, (run, text, start, end, result) => {
    const normalized = run.normalize(form);
    if (normalized === run) result.copy(text, start, end);
    else writeComposed(normalized, partsOf(run, decomposition, text, start), decomposition, text, start, result);
  });
}

/** The characters of a decomposed run, by code point: those of each in the order of the run. */
function partsOf(run: string, decomposition: UnicodeForm, text: NormalizedText, start: number): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  let at = start;
  for (const character of run) {
    const next = at + utf8Length(character);
    const origin = { start: text.starts[at], end: text.ends[next - 1] };
    for (const part of character.normalize(decomposition)) {
      const known = parts.get(part);
      if (known === undefined) parts.set(part, [origin]);
      else known.push(origin);
    }
    at = next;
  }
  return parts;
}

function writeComposed(
  normalized: string,
  parts: Map<string, Part[]>,
  decomposition: UnicodeForm,
  text: NormalizedText,
  runStart: number,
  result: NormalizedText,
): void {
  const taken = new Map<string, number>();
  const isFirstRun = text.isFirst(runStart);
  let isOpening = true;
  for (const character of normalized) {
    let start = Infinity;
    let end = 0;
    for (const part of character.normalize(decomposition)) {
      const index = taken.get(part) ?? 0;
      const origin = parts.get(part)?.[index];
      if (origin === undefined) continue;
      taken.set(part, index + 1);
      start = Math.min(start, origin.start);
      end = Math.max(end, origin.end);
    }
    if (end === 0) start = end = text.starts[runStart];
    result.pushCodePoint(character.codePointAt(0) ?? 0, start, end);
    if (isFirstRun && (isOpening || start === text.starts[runStart])) result.markFirst();
    isOpening = false;
  }
}

function utf8Length(character: string): number {
  const cp = character.codePointAt(0) ?? 0;
  return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}
