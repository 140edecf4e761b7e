/**
 * What the chain must know of the model's vocabulary. Make one object for each model and give it to all samplers: what is worked
 * out from it, and the working arrays, are kept by object.
 */
export interface SamplerVocabulary {
  /** How many tokens, and so logits, there are. */
  readonly size: number;
  /** The tokens that end a generation. */
  readonly endOfGeneration: ReadonlySet<number>;
  /** The one that ends a turn, else a text: what the `infill` stage falls back to. */
  readonly endToken?: number;
  /** What the encoder gives for text that it has no token for: a bias by text never means it. */
  readonly unknownToken?: number;
  /** Tokens that the model file says never to draw. */
  readonly suppressed?: readonly number[];
  /** Whether the encoder puts a space before a text (so that a token's first space is no part of a text that begins with it). */
  readonly addsSpacePrefix?: boolean;
  /** The UTF-8 bytes that a token adds to the text; none for control tokens. Needed for banned strings and DRY's sequence breakers. */
  bytesOf?(id: number): Uint8Array;
  /** The same with control tokens spelt out. Where given, DRY's sequence breakers may name control tokens. */
  literalBytesOf?(id: number): Uint8Array;
  /** The tokens of a text, without special tokens. Needed for biases by text and for sequence breakers of several tokens. */
  encode?(text: string): ArrayLike<number>;
}
