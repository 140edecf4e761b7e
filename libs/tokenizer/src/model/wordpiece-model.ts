import { toBase, toLower } from '../text/case-fold.js';
import { charClasses, CONTROL, MARK, PUNCTUATION, SYMBOL, WHITE_SPACE } from '../text/char-class.js';
import { RewrittenText } from '../text/rewritten-text.js';
import { codePointAt, sequenceLength, TEXT_START } from '../text/utf8.js';
import { WholeTextSplitter } from '../split/space-splitter.js';
import type { Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenSink } from './token-sink.js';
import { WordModel } from './word-model.js';

/** What is done to text before it is looked up. */
export interface WordPieceOptions {
  readonly lowercase: boolean;
  readonly stripAccents: boolean;
  /** Written before each word (U+2581 in GGUF files), or nothing. */
  readonly wordMark: Uint8Array;
  /** Written before each further part of a word (`##` in other files), or nothing. */
  readonly partMark: Uint8Array;
  /** Longer words are unknown. */
  readonly maxChars: number;
  readonly unknown: number | undefined;
}

/** BERT's WordPiece: words of normalized text, each taken apart from the left into the longest entries; all of it or unknown. */
export class WordPieceModel extends WordModel {
  readonly maxTokensPerByte = 1;
  private readonly classes = charClasses();
  private readonly text = new RewrittenText();
  /** Starts and ends of words in the rewritten text, in turn. */
  private words: number[] = [];
  private readonly maxEntryBytes: number;
  private part = new Uint8Array(64);

  constructor(
    vocabulary: Vocabulary,
    private readonly options: WordPieceOptions,
  ) {
    super(
      vocabulary,
      new WholeTextSplitter(),
      (id) => vocabulary.offsets[id + 1] - vocabulary.offsets[id] <= options.maxChars,
    );
    let longest = 0;
    for (let id = 0; id < vocabulary.size; id++)
      longest = Math.max(longest, vocabulary.offsets[id + 1] - vocabulary.offsets[id]);
    this.maxEntryBytes = longest;
  }

  override encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    const { text } = this;
    this.rewrite(bytes, start, end);
    const before = sink.count;
    sink.reserve(text.length - TEXT_START);
    for (let i = 0; i < this.words.length; i += 2) this.encodeWord(text.bytes, this.words[i], this.words[i + 1], sink);
    sink.mapRanges(before, text);
    text.clear();
  }

  /** Takes a word apart; its bytes begin with the word mark. */
  protected merge(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > this.options.maxChars && countCharacters(bytes, start, end) > this.options.maxChars)
      return this.setUnknown(end);
    for (let at = start; at < end; ) {
      const length = this.longestEntry(bytes, at, end, at > start);
      if (length === 0) return this.setUnknown(end);
      at += length;
    }
  }

  private setUnknown(end: number): void {
    this.pieceCount = 0;
    if (this.options.unknown !== undefined) this.addPiece(this.options.unknown, end);
  }

  /** Adds the longest entry, of those that text may become, that the bytes at `at` begin with, and returns how many of them it takes. */
  private longestEntry(bytes: Uint8Array, at: number, end: number, isFurtherPart: boolean): number {
    const { vocabulary } = this;
    const { partMark } = this.options;
    const mark = isFurtherPart ? partMark.length : 0;
    const longest = Math.min(end - at, this.maxEntryBytes - mark);
    if (mark > 0) {
      if (this.part.length < mark + longest) this.part = new Uint8Array(mark + longest);
      this.part.set(partMark);
      this.part.set(bytes.subarray(at, at + longest), mark);
    }
    for (let length = longest; length > 0; length--) {
      const id = mark > 0 ? vocabulary.find(this.part, 0, mark + length) : vocabulary.find(bytes, at, at + length);
      if (id < 0 || this.isHidden(id)) continue;
      this.addPiece(id, at + length);
      return length;
    }
    return 0;
  }

  /** Splits text at white space and around punctuation and Chinese characters, drops control characters, and folds case and accents. */
  private rewrite(bytes: Uint8Array, start: number, end: number): void {
    const { classes, options } = this;
    this.words = [];
    let open = false;
    for (let at = start, next = start; at < end; at = next) {
      next = at + sequenceLength(bytes[at]);
      const cp = options.stripAccents ? toBase(codePointAt(bytes, at)) : codePointAt(bytes, at);
      const kind = classes[cp];
      if ((kind & WHITE_SPACE) !== 0) {
        if (open) this.closeWord();
        open = false;
        continue;
      }
      if (cp === 0 || cp === 0xfffd || (kind & CONTROL) !== 0 || (options.stripAccents && (kind & MARK) !== 0))
        continue;
      const alone = (kind & PUNCTUATION) !== 0 || (cp < 0x7f && (kind & SYMBOL) !== 0) || isChinese(cp);
      if (open && alone) this.closeWord();
      if (!open || alone) this.openWord(at);
      this.text.pushCodePoint(options.lowercase ? toLower(cp) : cp, at, next);
      if (alone) this.closeWord();
      open = !alone;
    }
    if (open) this.closeWord();
  }

  private openWord(at: number): void {
    this.words.push(this.text.length);
    for (const byte of this.options.wordMark) this.text.push(byte, at, at);
  }

  private closeWord(): void {
    this.words.push(this.text.length);
  }
}

function countCharacters(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if ((bytes[i] & 0xc0) !== 0x80) count++;
  return count;
}

/** Chinese characters, each of which is a word; the ranges of BERT's reference tokenizer. */
export function isChinese(cp: number): boolean {
  if (cp < 0x3400) return false;
  return (
    (cp >= 0x4e00 && cp <= 0x9fff) ||
    cp <= 0x4dbf ||
    (cp >= 0x20000 && cp <= 0x2a6df) ||
    (cp >= 0x2a700 && cp <= 0x2b81f) ||
    (cp >= 0x2b920 && cp <= 0x2ceaf) ||
    (cp >= 0xf900 && cp <= 0xfaff) ||
    (cp >= 0x2f800 && cp <= 0x2fa1f)
  );
}
