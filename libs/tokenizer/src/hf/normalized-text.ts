import { RewrittenText } from '../text/rewritten-text.js';
import { sequenceLength, TEXT_START } from '../text/utf8.js';

/**
 * A text on its way through the sections of a file. It starts as a copy in which each byte comes from itself; what is kept keeps its origin,
 * and what is written anew comes from all that it was made of.
 */
export class NormalizedText extends RewrittenText {
  /**
   * Where the bytes end that the `tokenizers` library takes for made of the very first character of the whole text: those in front of which
   * Metaspace puts its mark when it does so "first". Mostly that is so by their origins, but not always.
   */
  firstEnd = TEXT_START;

  /** @param opensText whether the text it was copied from is at the start of the whole text */
  constructor(readonly opensText: boolean) {
    super();
  }

  /** A copy of `bytes[start, end)`. */
  static of(bytes: Uint8Array, start: number, end: number): NormalizedText {
    const opensText = start === TEXT_START;
    const text = new NormalizedText(opensText);
    for (let at = start; at < end; at++) text.push(bytes[at], at, at + 1);
    if (opensText && end > start) text.firstEnd = Math.min(text.length, TEXT_START + sequenceLength(bytes[start]));
    return text;
  }

  /** An empty text that is to become a changed copy of this one. */
  successor(): NormalizedText {
    return new NormalizedText(this.opensText);
  }

  /** Whether the byte at `at` is taken for made of the first character. */
  isFirst(at: number): boolean {
    return at < this.firstEnd;
  }

  /** Takes what was written last for made of the first character. */
  markFirst(): void {
    this.firstEnd = this.length;
  }

  /** Appends `text[start, end)` as it is. */
  copy(text: NormalizedText, start: number, end: number): void {
    const { bytes, starts, ends } = text;
    for (let at = start; at < end; at++) this.push(bytes[at], starts[at], ends[at]);
    if (text.isFirst(start) && end > start) this.firstEnd = this.length - Math.max(0, end - text.firstEnd);
  }

  /** Appends characters that were made of `text[start, end)`, which is not empty. */
  write(cps: readonly number[], text: NormalizedText, start: number, end: number): void {
    for (const cp of cps) this.pushCodePoint(cp, text.starts[start], text.ends[end - 1]);
    if (cps.length > 0 && text.isFirst(start)) this.markFirst();
  }
}
