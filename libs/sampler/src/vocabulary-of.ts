import type { SamplerVocabulary } from './vocabulary.js';

/** What of a tokenizer the chain needs; that of `@starling/tokenizer` fits. */
export interface VocabularySource {
  readonly vocabSize: number;
  readonly special: {
    readonly endOfGeneration: ReadonlySet<number>;
    readonly eot?: number;
    readonly eos?: number;
    readonly unk?: number;
  };
  tokenBytes(id: number): Uint8Array;
  tokenText(id: number): string;
  isControl(id: number): boolean;
  encode(text: string): ArrayLike<number>;
  decode(ids: ArrayLike<number>): string;
}

const SPACE = 0x20;

/**
 * The vocabulary of a tokenizer, for all samplers of its model. `metadata`: that of the model file, which may name tokens never to draw
 * (`tokenizer.ggml.suppress_tokens`).
 */
export function vocabularyOf(tokenizer: VocabularySource, metadata?: { get(key: string): unknown }): SamplerVocabulary {
  const { vocabSize: size, special } = tokenizer;
  const encoder = new TextEncoder();
  return {
    size,
    endOfGeneration: special.endOfGeneration,
    endToken: special.eot ?? special.eos,
    unknownToken: special.unk,
    suppressed: idsIn(metadata?.get('tokenizer.ggml.suppress_tokens')).filter((id) => id >= 0 && id < size),
    addsSpacePrefix: dropsFirstSpace(tokenizer),
    bytesOf: (id) => tokenizer.tokenBytes(id),
    literalBytesOf: (id) =>
      tokenizer.isControl(id) ? encoder.encode(tokenizer.tokenText(id)) : tokenizer.tokenBytes(id),
    encode: (text) => tokenizer.encode(text),
  };
}

/** Whether a text that begins with a token loses the token's first space: asked of the first token that has one. */
function dropsFirstSpace(tokenizer: VocabularySource): boolean {
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (!tokenizer.isControl(id) && tokenizer.tokenBytes(id)[0] === SPACE)
      return !tokenizer.decode([id]).startsWith(' ');
  }
  return false;
}

function idsIn(value: unknown): number[] {
  return Array.isArray(value) || ArrayBuffer.isView(value)
    ? Array.from(value as unknown as ArrayLike<number | bigint>, Number)
    : [];
}
