import { StarlingError } from '@starling/core';
import { VocabularyCache } from './vocabulary-cache.js';
import type { SamplerVocabulary } from './vocabulary.js';

/**
 * Where repetitions end, by token: a token that begins a breaker, and what must follow it (nothing, if the token holds the whole
 * breaker).
 */
export type DryBreakers = ReadonlyMap<number, readonly (readonly number[])[]>;

/** Longer breakers are cut, so that looking for them in the history stays cheap. */
const MAX_BREAKER_BYTES = 40;
const MAX_TAIL_TOKENS = 20;
/** Texts of different requests whose tokens are remembered, for each vocabulary. */
const MAX_REMEMBERED = 64;

const breakersByText = new VocabularyCache<DryBreakers>(MAX_REMEMBERED, findBreakers);

/**
 * The tokens of the breaker texts. Going through a vocabulary of 128k tokens takes some milliseconds for each text; the result is kept
 * for the next sampler of the same vocabulary object.
 * @throws StarlingError invalid_argument if the vocabulary cannot say its tokens' bytes.
 */
export function dryBreakers(texts: readonly string[], vocabulary: SamplerVocabulary): DryBreakers {
  const merged = new Map<number, readonly (readonly number[])[]>();
  for (const text of texts) {
    for (const [head, tails] of breakersByText.get(text, vocabulary))
      merged.set(head, [...(merged.get(head) ?? []), ...tails]);
  }
  return merged;
}

function findBreakers(text: string, vocabulary: SamplerVocabulary): DryBreakers {
  const breaker = new TextEncoder().encode(text).subarray(0, MAX_BREAKER_BYTES);
  const found = new Map<number, number[][]>();
  if (breaker.length === 0) return found;
  const bytesOf = vocabulary.literalBytesOf?.bind(vocabulary) ?? vocabulary.bytesOf?.bind(vocabulary);
  if (bytesOf === undefined) {
    throw new StarlingError(
      'invalid_argument',
      'DRY needs the bytes of tokens to find its sequence breakers: give the vocabulary a bytesOf',
      {
        details: { param: 'drySequenceBreakers' },
      },
    );
  }
  const tailsByLength = new Map<number, number[]>();
  const tailAfter = (matched: number): number[] => {
    let tail = tailsByLength.get(matched);
    if (tail === undefined) tailsByLength.set(matched, (tail = encodeTail(breaker.subarray(matched), vocabulary)));
    return tail;
  };
  for (let id = 0; id < vocabulary.size; id++) {
    const tails = tailsFor(withoutAddedSpace(bytesOf(id), vocabulary), breaker, tailAfter);
    if (tails.length > 0) found.set(id, tails);
  }
  return found;
}

/** An encoder that adds a space takes it away when it decodes: so a token on its own begins without its space. */
function withoutAddedSpace(bytes: Uint8Array, vocabulary: SamplerVocabulary): Uint8Array {
  return vocabulary.addsSpacePrefix === true && bytes[0] === 0x20 ? bytes.subarray(1) : bytes;
}

/** What may follow a token so that it and its followers spell the breaker. */
function tailsFor(word: Uint8Array, breaker: Uint8Array, tailAfter: (matched: number) => number[]): number[][] {
  const tails: number[][] = [];
  for (let start = word.indexOf(breaker[0]); start >= 0; start = word.indexOf(breaker[0], start + 1)) {
    let matched = 1;
    while (matched < breaker.length && start + matched < word.length && word[start + matched] === breaker[matched])
      matched++;
    if (matched === breaker.length) return [[]];
    if (start + matched < word.length) continue;
    const tail = tailAfter(matched);
    if (!tails.some((other) => other.length === tail.length && other.every((id, i) => id === tail[i])))
      tails.push(tail);
  }
  return tails;
}

function encodeTail(bytes: Uint8Array, vocabulary: SamplerVocabulary): number[] {
  if (vocabulary.encode === undefined) {
    throw new StarlingError(
      'invalid_argument',
      'DRY needs an encoder for sequence breakers of several tokens: give the vocabulary an encode',
      {
        details: { param: 'drySequenceBreakers' },
      },
    );
  }
  return Array.from(vocabulary.encode(new TextDecoder().decode(bytes))).slice(0, MAX_TAIL_TOKENS);
}
