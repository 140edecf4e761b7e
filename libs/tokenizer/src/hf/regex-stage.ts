import { Cl100kSplitter } from '../split/cl100k-splitter.js';
import { Gpt2Splitter } from '../split/gpt2-splitter.js';
import { PATTERNS } from '../split/patterns.table.js';
import type { Splitter } from '../split/splitter.js';
import { tile } from './tile.js';

/** Cuts with a regular expression: each match is a piece, and so is what lies between matches. */
class UnicodeRegexSplitter implements Splitter {
  private ends: number[] = [];
  private at = 0;

  constructor(private readonly pattern: RegExp) {}

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.ends = tile(this.pattern, bytes, start, end).map((piece) => piece.end);
    this.at = 0;
  }

  next(_bytes: Uint8Array, start: number): number {
    while (this.ends[this.at] <= start) this.at++;
    return this.ends[this.at];
  }
}

const INSENSITIVE = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const AFTER_SHORT_FORMS = String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The expressions for which there is a splitter written by hand. */
const BY_HAND = new Map<string, () => Splitter>([
  [PATTERNS.GPT2, () => new Gpt2Splitter()],
  [`${PATTERNS.GPT2}|\\s+`, () => new Gpt2Splitter()],
  [`${INSENSITIVE}${AFTER_SHORT_FORMS}`, () => new Cl100kSplitter({ maxDigits: 3, foldsShortForms: true })],
  [PATTERNS.LLAMA3, () => new Cl100kSplitter({ maxDigits: 3 })],
  [
    `${INSENSITIVE}${AFTER_SHORT_FORMS.replace('{1,3}', '')}`,
    () => new Cl100kSplitter({ maxDigits: 1, foldsShortForms: true }),
  ],
  [PATTERNS.QWEN2, () => new Cl100kSplitter({ maxDigits: 1 })],
]);

/** The splitter for a regular expression of a file: one written by hand if there is one. */
export function splitterFor(source: string, pattern: RegExp): Splitter {
  return BY_HAND.get(source)?.() ?? new UnicodeRegexSplitter(pattern);
}
