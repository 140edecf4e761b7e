import type { StreamingDecoder } from '../tokenizer.js';
import type { DecodeSource } from './token-renderer.js';

/** Joins the bytes of tokens to text, holding back the bytes of a character that is not complete. */
export class Utf8StreamingDecoder implements StreamingDecoder {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private stripSpace: boolean;

  /** @param stripSpace leaves out one space at the very start */
  constructor(
    private readonly source: DecodeSource,
    private readonly skipSpecial: boolean,
    stripSpace: boolean,
  ) {
    this.stripSpace = stripSpace;
  }

  push(id: number): string {
    let bytes = this.source.bytesOf(id);
    if (this.skipSpecial && this.source.isSpecial(id)) return '';
    if (this.stripSpace) {
      this.stripSpace = false;
      if (bytes[0] === 0x20) bytes = bytes.subarray(1);
    }
    return this.decoder.decode(bytes, { stream: true });
  }

  flush(): string {
    return this.decoder.decode();
  }
}
