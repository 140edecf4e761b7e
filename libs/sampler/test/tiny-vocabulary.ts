import type { SamplerVocabulary } from '../src/vocabulary.js';
import type { TestModel } from './gguf-reader.js';

const BYTE_TYPE = 6;
const NORMAL_TYPE = 1;
const WORD_START = '\u2581';

export interface TinyVocabulary extends SamplerVocabulary {
  encode(text: string): number[];
}

/** The vocabulary of a SentencePiece model file, with an encoder that merges the best pair of neighbours while there is one. */
export function tinyVocabulary({ metadata }: TestModel): TinyVocabulary {
  const pieces = metadata.get('tokenizer.ggml.tokens') as string[];
  const scores = metadata.get('tokenizer.ggml.scores') as number[];
  const types = metadata.get('tokenizer.ggml.token_type') as number[];
  const ids = new Map(pieces.map((piece, id) => [piece, id]));

  const encode = (text: string): number[] => {
    const parts = text === '' ? [] : Array.from(WORD_START + text.replaceAll(' ', WORD_START));
    for (;;) {
      let best = -1;
      let bestScore = -Infinity;
      for (let i = 0; i + 1 < parts.length; i++) {
        const id = ids.get(parts[i] + parts[i + 1]);
        if (id !== undefined && scores[id] > bestScore) [best, bestScore] = [i, scores[id]];
      }
      if (best < 0) break;
      parts.splice(best, 2, parts[best] + parts[best + 1]);
    }
    return parts.flatMap((part) => {
      const id = ids.get(part);
      if (id !== undefined) return [id];
      return Array.from(
        new TextEncoder().encode(part),
        (byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? 0,
      );
    });
  };

  const bytesOf = (id: number): Uint8Array => {
    if (types[id] === BYTE_TYPE) return Uint8Array.of(Number.parseInt(pieces[id].slice(3, 5), 16));
    return types[id] === NORMAL_TYPE
      ? new TextEncoder().encode(pieces[id].replaceAll(WORD_START, ' '))
      : new Uint8Array(0);
  };

  return {
    size: pieces.length,
    endOfGeneration: new Set([metadata.get('tokenizer.ggml.eos_token_id') as number]),
    encode,
    bytesOf,
  };
}
