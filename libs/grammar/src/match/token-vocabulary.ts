/** What a grammar must know of a model's vocabulary. */
export interface TokenVocabulary {
  /** Number of token ids: 0 to size - 1. */
  readonly size: number;
  /** The bytes that token `id` adds to the output; empty for control tokens. */
  bytesOf(id: number): Uint8Array;
  isControl(id: number): boolean;
  /** Whether the token ends the output. Such tokens are allowed exactly where the grammar may end. */
  isEndOfGeneration(id: number): boolean;
  /** The id of the token with exactly this text, for grammars that name tokens (`<think>`, triggers). */
  idOf?(text: string): number | undefined;
}
