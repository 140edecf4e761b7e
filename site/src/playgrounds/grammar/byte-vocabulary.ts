import { GrammarIndex } from '@starling/grammar';

/** The token that ends an output; the others are the 256 bytes. */
export const END = 256;

/** A vocabulary of bytes: what a grammar says of characters, it says of any vocabulary's tokens. */
export const byteIndex = new GrammarIndex({
  size: 257,
  bytesOf: (id) => (id === END ? new Uint8Array() : Uint8Array.of(id)),
  isControl: (id) => id === END,
  isEndOfGeneration: (id) => id === END,
});
