import { StarlingError } from '@starling/core';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import { sequenceLength } from '../text/utf8.js';
import { BYTE, CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';

/** Scores count in steps of 1 / SCALE; pieces below INVALID are not used; an unknown character costs UNKNOWN. */
const SCALE = 1e4;
const INVALID = -20_000_000;
const UNKNOWN_COST = 10_000_000;

/** PLaMo 2's model: the split with the best sum of scores, found from the end of the text; of equals the one with the longer first piece. */
export class Plamo2Model implements TokenModel {
  private readonly trie = new ByteTrie();
  private readonly costs: Int32Array;
  private readonly idOfByte = new Int32Array(256);

  constructor(vocabulary: Vocabulary) {
    const { bytes, offsets, size } = vocabulary;
    this.costs = new Int32Array(size);
    for (let id = 0; id < size; id++) {
      if (vocabulary.has(id, BYTE | CONTROL)) continue;
      const score = roundHalfAway((vocabulary.scores[id] ?? 0) * SCALE);
      if (!Number.isFinite(score) || score <= INVALID) continue;
      this.costs[id] = -score;
      this.trie.add(bytes, offsets[id], offsets[id + 1], id);
    }
    for (let byte = 0; byte < 256; byte++) this.idOfByte[byte] = byteToken(vocabulary, byte);
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    sink.reserve(end - start);
    const from =
      bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf
        ? Math.min(end, start + 3)
        : start;
    const length = end - from;
    const best = new Float64Array(length + 1).fill(Infinity);
    const steps = new Int32Array(length + 1);
    const ids = new Int32Array(length + 1);
    best[length] = 0;
    for (let at = length - 1; at >= 0; at--) {
      if ((bytes[from + at] & 0xc0) !== 0x80) this.choose(bytes, from, at, length, best, steps, ids);
    }
    for (let at = 0; at < length; at += steps[at]) {
      const position = from + at;
      if (ids[at] >= 0) sink.push(ids[at], position, position + steps[at]);
      else
        for (let i = 0; i < steps[at]; i++)
          sink.push(this.idOfByte[bytes[position + i]], position + i, position + i + 1);
    }
  }

  /** Finds the best first piece of the text from `at` on. */
  private choose(
    bytes: Uint8Array,
    from: number,
    at: number,
    length: number,
    best: Float64Array,
    steps: Int32Array,
    ids: Int32Array,
  ): void {
    const { trie, costs } = this;
    const width = Math.min(sequenceLength(bytes[from + at]), length - at);
    best[at] = best[at + width] + UNKNOWN_COST;
    steps[at] = width;
    ids[at] = -1;
    let node: number = ByteTrie.ROOT;
    for (let to = at; to < length; ) {
      node = trie.step(node, bytes[from + to++]);
      if (node < 0) return;
      const id = trie.valueAt(node);
      if (id < 0 || best[to] + costs[id] > best[at]) continue;
      best[at] = best[to] + costs[id];
      steps[at] = to - at;
      ids[at] = id;
    }
  }
}

function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

function byteToken(vocabulary: Vocabulary, byte: number): number {
  const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  const id = vocabulary.idOf(name);
  if (id !== undefined) return id;
  throw new StarlingError(
    'invalid_vocabulary',
    `the vocabulary has no token ${name}, which a plamo2 vocabulary must have`,
    { details: { name } },
  );
}
