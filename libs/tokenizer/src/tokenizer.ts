/** The read side of a metadata table: the metadata of a GGUF file fits. */
export interface VocabularyMetadata {
  get(key: string): unknown;
}

/** How text becomes ids. */
export interface EncodeOptions {
  /** Adds the tokens that the vocabulary puts around a text (begin, end, separator). Default false. */
  readonly addSpecial?: boolean;
  /** Lets the text name control tokens, as templates do. Leave it off for text of users. Default false. */
  readonly parseSpecial?: boolean;
  /** The text follows earlier text: no space is put before it. Default false. */
  readonly continuation?: boolean;
}

/** How ids become text. */
export interface DecodeOptions {
  /** Leaves control tokens out of the text. Default false. */
  readonly skipSpecial?: boolean;
  /** The ids follow earlier text: the space that encoding puts before a text is kept. Default false. */
  readonly continuation?: boolean;
  /** Removes spaces before punctuation and short forms. Default: true for WordPiece alone, since it loses text. */
  readonly cleanSpaces?: boolean;
}

/** The ids of a text, and which bytes of it each came from. */
export interface Encoding {
  readonly ids: Uint32Array;
  /** `(n_ids, 2)`: first byte and byte after the last, in the UTF-8 form of the text; empty ranges for tokens that were added. */
  readonly offsets: Uint32Array;
}

/** The family of algorithms a vocabulary was made for. */
export type TokenizerKind = 'bpe' | 'spm' | 'wordpiece' | 'unigram' | 'rwkv' | 'plamo2';

/** The tokens with a meaning of their own. */
export interface SpecialTokens {
  readonly bos?: number;
  readonly eos?: number;
  readonly unk?: number;
  readonly sep?: number;
  readonly pad?: number;
  readonly cls?: number;
  readonly mask?: number;
  readonly eot?: number;
  readonly eom?: number;
  readonly fimPrefix?: number;
  readonly fimSuffix?: number;
  readonly fimMiddle?: number;
  readonly fimPad?: number;
  readonly fimRepo?: number;
  readonly fimSeparator?: number;
  /** Whether `addSpecial` puts `bos` in front. */
  readonly addBos: boolean;
  /** Whether `addSpecial` puts `eos` behind. */
  readonly addEos: boolean;
  /** Whether a further `sep` stands between two texts that are given as one. Default false. */
  readonly addSep?: boolean;
  /** All ids that end a generation. */
  readonly endOfGeneration: ReadonlySet<number>;
}

/** Turns ids into text one at a time; what it returns, joined, is what `decode` gives for all of them. */
export interface StreamingDecoder {
  /** The text that is complete now: never half a character. */
  push(id: number): string;
  /** What is left at the end; an unfinished character becomes U+FFFD. */
  flush(): string;
}

/** Text to ids and back, exactly as the vocabulary's own tokenizer does. */
export interface Tokenizer {
  /** Number of ids. */
  readonly vocabSize: number;
  readonly kind: TokenizerKind;
  readonly special: SpecialTokens;
  /** The ids of any JavaScript string; lone surrogates count as U+FFFD. */
  encode(text: string, options?: EncodeOptions): Uint32Array;
  encodeWithOffsets(text: string, options?: EncodeOptions): Encoding;
  encodeBatch(texts: readonly string[], options?: EncodeOptions): Uint32Array[];
  /** `encode(text).length`, without making the array. */
  countTokens(text: string, options?: EncodeOptions): number;
  /** The text of ids. Throws `invalid_argument` for an id outside of the vocabulary. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  createDecoder(options?: DecodeOptions): StreamingDecoder;
  /** The bytes that an id adds to generated text: empty for control tokens. Shared, not to be changed. */
  tokenBytes(id: number): Uint8Array;
  /** The vocabulary's own entry, as the file has it. */
  tokenText(id: number): string;
  /** The id of a vocabulary entry. */
  idOf(piece: string): number | undefined;
  isControl(id: number): boolean;
  isEndOfGeneration(id: number): boolean;
}
