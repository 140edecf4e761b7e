import { GrammarIndex } from './grammar-index.js';
import { GrammarMatcher } from './grammar-matcher.js';
import type { Grammar } from '../machine/grammar.js';
import type { TokenVocabulary } from './token-vocabulary.js';

const encoder = new TextEncoder();

/** Ids of the fake vocabulary's special tokens. */
export const END = 256;
export const THINK = 257;

/**
 * A vocabulary of all 256 bytes (ids 0 to 255), an end token, the control token `<think>`, and the given pieces: texts, or bytes
 * where a piece must not be whole UTF-8.
 */
export function fakeVocabulary(pieces: readonly (string | readonly number[])[] = []): TokenVocabulary {
  const bytes: Uint8Array[] = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  bytes.push(new Uint8Array(0), new Uint8Array(0));
  for (const piece of pieces) bytes.push(typeof piece === 'string' ? encoder.encode(piece) : Uint8Array.from(piece));
  return {
    size: bytes.length,
    bytesOf: (id) => bytes[id],
    isControl: (id) => id === END || id === THINK,
    isEndOfGeneration: (id) => id === END,
    idOf: (text) => (text === '<think>' ? THINK : undefined),
  };
}

/** The pieces that JSON and prose are cut into by the fake vocabulary. */
export const JSON_PIECES: readonly (string | readonly number[])[] = [
  '{"',
  '"}',
  '":',
  '": ',
  '",',
  '", "',
  '","',
  '":"',
  '": "',
  '}}',
  ']}',
  '[{',
  '[[',
  ']]',
  '},',
  '},{',
  '], ',
  '[]',
  '{}',
  ': ',
  ', ',
  '  ',
  '\n  ',
  '\n',
  '    ',
  ' "',
  '["',
  'true',
  'false',
  'null',
  ' true',
  'tr',
  'ue',
  '10',
  '00',
  '0.',
  '.5',
  '-1',
  '1e',
  'e+',
  '12',
  '123',
  ' 1',
  '\\n',
  '\\"',
  '\\u',
  '\\u00',
  'u00e9',
  '\\ud83d',
  '\\ude00',
  'na',
  'me',
  'name',
  'id',
  'type',
  'value',
  'a',
  'b',
  'ab',
  'foo',
  'bar',
  'baz',
  'items',
  ' the',
  'é',
  'ü',
  '日本',
  '😀',
  [0xf0, 0x9f],
  [0x98, 0x80],
  [0xe6, 0x97],
  'x"',
  '"x',
  'a":',
  'b":',
  '20',
  '-0',
  '01-',
  'T1',
  ':0',
  'Z"',
  '@',
  '.com',
];

/** Whether a grammar takes a text, byte by byte, and may end after it. */
export function takes(grammar: Grammar, text: string): boolean {
  const matcher = new GrammarMatcher(grammar, byteIndex);
  for (const byte of encoder.encode(text)) {
    if (!matcher.accepts(byte)) return false;
    matcher.advance(byte);
  }
  return matcher.canEnd;
}

export const byteIndex = new GrammarIndex(fakeVocabulary());
export const jsonIndex = new GrammarIndex(fakeVocabulary(JSON_PIECES));

/** Cuts a text into tokens, greedily or as a random source says: `pick` gets the number of choices, longest first. */
export function tokenize(index: GrammarIndex, text: string, pick: (choices: number) => number = () => 0): number[] {
  const bytes = encoder.encode(text);
  const { trie } = index;
  const ids: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found: { id: number; length: number }[] = [];
    let node = 0;
    for (let depth = 0; at + depth < bytes.length; depth++) {
      let child = node + 1;
      while (child < trie.ends[node] && trie.bytes[child] !== bytes[at + depth]) child = trie.ends[child];
      if (child >= trie.ends[node]) break;
      node = child;
      if (trie.idStarts[node] < trie.idStarts[node + 1])
        found.unshift({ id: trie.ids[trie.idStarts[node]], length: depth + 1 });
    }
    const { id, length } = found[pick(found.length)];
    ids.push(id);
    at += length;
  }
  return ids;
}

/** A small generator of random numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
