import { TEXT_START } from '../text/utf8.js';
import { isSpaceMark } from '../vocabulary/canonical.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';

const SPACE = 0x20;

/**
 * For models that match spaces where their vocabulary writes U+2581: a U+2581 in the text is then a space too. Text without one, which is
 * nearly all text, goes through as it is.
 */
export class SpaceMarkModel implements TokenModel {
  constructor(private readonly inner: TokenModel) {}

  encode(bytes: Uint8Array, start: number, end: number, first: boolean, sink: TokenSink): void {
    let mark = bytes.indexOf(0xe2, start);
    while (mark >= 0 && mark < end && !isSpaceMark(bytes, mark, end)) mark = bytes.indexOf(0xe2, mark + 1);
    if (mark < 0 || mark >= end) {
      this.inner.encode(bytes, start, end, first, sink);
      return;
    }
    const text = new Uint8Array(TEXT_START + end - start);
    /** Where each byte of `text` comes from. */
    const origins = new Uint32Array(text.length + 1);
    let length = TEXT_START;
    for (let i = start; i < end; i++) {
      const marked = isSpaceMark(bytes, i, end);
      origins[length] = i;
      text[length++] = marked ? SPACE : bytes[i];
      if (marked) i += 2;
    }
    origins[length] = end;
    const before = sink.count;
    this.inner.encode(text, TEXT_START, length, first, sink);
    sink.mapOffsets(before, origins);
  }
}
