import type { Tokenizer } from '@starling/tokenizer';

/** Ids 0 to 255 are bytes; then BOS, EOS and a control token. */
export const BOS = 256;
export const EOS = 257;
export const MARK = 258;
const MARK_TEXT = '<|mark|>';

/** A tokenizer for tests: a token for each UTF-8 byte. */
export function byteTokenizer({ addBos = false }: { addBos?: boolean } = {}): Tokenizer {
  const encode: Tokenizer['encode'] = (text, { addSpecial = false, parseSpecial = false } = {}) => {
    const parts = parseSpecial ? text.split(MARK_TEXT) : [text];
    const ids = parts.flatMap((part, i) => [...(i > 0 ? [MARK] : []), ...new TextEncoder().encode(part)]);
    return Uint32Array.from(addSpecial && addBos ? [BOS, ...ids] : ids);
  };
  const bytesOf = (id: number): Uint8Array => (id < 256 ? Uint8Array.of(id) : new Uint8Array());
  const createDecoder: Tokenizer['createDecoder'] = () => {
    const utf8 = new TextDecoder();
    return { push: (id) => utf8.decode(bytesOf(id), { stream: true }), flush: () => utf8.decode() };
  };
  return {
    vocabSize: 259,
    kind: 'bpe',
    special: { bos: BOS, eos: EOS, addBos, addEos: false, endOfGeneration: new Set([EOS]) },
    encode,
    encodeWithOffsets: (text, options) => {
      const ids = encode(text, options);
      return { ids, offsets: Uint32Array.from(Array.from(ids).flatMap((_, i) => [i, i + 1])) };
    },
    encodeBatch: (texts, options) => texts.map((text) => encode(text, options)),
    countTokens: (text, options) => encode(text, options).length,
    decode: (ids) => {
      const decoder = createDecoder();
      return Array.from(ids, (id) => decoder.push(id)).join('') + decoder.flush();
    },
    createDecoder,
    tokenBytes: bytesOf,
    tokenText: (id) => ['<bos>', '<eos>', MARK_TEXT][id - 256] ?? String.fromCharCode(id),
    idOf: () => undefined,
    isControl: (id) => id >= 256,
    isEndOfGeneration: (id) => id === EOS,
  };
}
