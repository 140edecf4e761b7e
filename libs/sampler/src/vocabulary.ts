/** What the chain must know of the model's vocabulary. */
export interface SamplerVocabulary {
  /** How many tokens, and so logits, there are. */
  readonly size: number;
  /** The tokens that end a generation. */
  readonly endOfGeneration: ReadonlySet<number>;
  /** Tokens that the model file says never to draw. */
  readonly suppressed?: readonly number[];
  /** The UTF-8 bytes of a token's text. Needed for DRY's sequence breakers and for banned strings. */
  bytesOf?(id: number): Uint8Array;
  /** The tokens of a text, without special tokens. Needed for biases by text and for sequence breakers of several tokens. */
  encode?(text: string): ArrayLike<number>;
}
