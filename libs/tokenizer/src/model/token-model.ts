import type { TokenSink } from './token-sink.js';

/** Turns a stretch of ordinary text into ids: the part of a tokenizer that differs from family to family. */
export interface TokenModel {
  /**
   * Writes the ids of `bytes[start, end)`, valid UTF-8, to `sink`, and makes room for them.
   * `first` says that the stretch opens the text or follows a special token.
   */
  encode(bytes: Uint8Array, start: number, end: number, first: boolean, sink: TokenSink): void;
}
