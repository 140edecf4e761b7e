import { ByteTrie } from '../vocabulary/byte-trie.js';
import type { Canonicalize, Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';

const BACKSLASH = 0x5c;

/** RWKV's World vocabulary: always the longest entry that the text begins with, byte by byte. */
export class RwkvModel implements TokenModel {
  private readonly trie = new ByteTrie();

  /** @param unknown stands for a byte that no entry begins with */
  constructor(
    vocabulary: Vocabulary,
    private readonly unknown: number | undefined,
  ) {
    const { bytes, offsets, size } = vocabulary;
    for (let id = 0; id < size; id++)
      if (offsets[id + 1] > offsets[id]) this.trie.add(bytes, offsets[id], offsets[id + 1], id);
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    sink.reserve(end - start);
    const { trie } = this;
    for (let from = start; from < end; ) {
      let longest = -1;
      let to = from + 1;
      for (
        let at = from, node = trie.step(ByteTrie.ROOT, bytes[at]);
        node >= 0;
        node = at < end ? trie.step(node, bytes[at]) : -1
      ) {
        at++;
        const id = trie.valueAt(node);
        if (id < 0) continue;
        longest = id;
        to = at;
      }
      const id = longest < 0 ? this.unknown : longest;
      if (id !== undefined) sink.push(id, from, to);
      from = to;
    }
  }
}

/** Entries are written with escapes: \t, \n, \r, \xNN, and a backslash before itself and quotes. */
export const rwkvEscapes: Canonicalize = (source, start, end, target, at) => {
  let write = at;
  for (let i = start; i < end; i++) {
    if (source[i] !== BACKSLASH || i + 1 >= end) {
      target[write++] = source[i];
      continue;
    }
    const letter = String.fromCharCode(source[++i]);
    if (letter === 'x') {
      target[write++] = (hexDigit(source[i + 1]) << 4) | hexDigit(source[i + 2]);
      i += 2;
    } else target[write++] = letter === 't' ? 0x09 : letter === 'n' ? 0x0a : letter === 'r' ? 0x0d : source[i];
  }
  return write;
};

function hexDigit(byte: number): number {
  return byte >= 0x61 ? byte - 0x61 + 10 : byte - 0x30;
}
