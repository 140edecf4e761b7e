import { toLower } from '../text/case-fold.js';
import { charClasses, WHITE_SPACE } from '../text/char-class.js';
import { RewrittenText } from '../text/rewritten-text.js';
import { codePointAt, sequenceLength, TEXT_START } from '../text/utf8.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';

/** Encodes the words between white space on their own, which itself becomes nothing. */
export class WhiteSpaceModel implements TokenModel {
  private readonly classes = charClasses();
  private readonly text = new RewrittenText();

  constructor(
    private readonly inner: TokenModel,
    private readonly lowercase: boolean,
  ) {}

  encode(bytes: Uint8Array, start: number, end: number, first: boolean, sink: TokenSink): void {
    for (let at = start; at < end; ) {
      const cp = codePointAt(bytes, at);
      const next = at + sequenceLength(bytes[at]);
      if ((this.classes[cp] & WHITE_SPACE) !== 0) this.flush(first, sink);
      else this.add(bytes, at, next, cp);
      at = next;
    }
    this.flush(first, sink);
  }

  /** Adds a character; the bytes of one that stays as it is come each from itself. */
  private add(bytes: Uint8Array, start: number, end: number, cp: number): void {
    const changed = this.lowercase ? toLower(cp) : cp;
    if (changed !== cp) this.text.pushCodePoint(changed, start, end);
    else for (let i = start; i < end; i++) this.text.push(bytes[i], i, i + 1);
  }

  private flush(first: boolean, sink: TokenSink): void {
    const { text } = this;
    if (text.length === TEXT_START) return;
    const before = sink.count;
    this.inner.encode(text.bytes, TEXT_START, text.length, first, sink);
    sink.mapRanges(before, text);
    text.clear();
  }
}
