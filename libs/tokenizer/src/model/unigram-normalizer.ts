import { ByteTrie } from '../vocabulary/byte-trie.js';
import type { CharsMap } from '../text/chars-map.js';
import type { RewrittenText } from '../text/rewritten-text.js';
import { sequenceLength } from '../text/utf8.js';

const SPACE = 0x20;
const SPACE_MARK = [0xe2, 0x96, 0x81];
const REPLACEMENT = [0xef, 0xbf, 0xbd];

/** What is done with spaces. */
export interface SpaceRules {
  /** Puts one in front of the text. */
  readonly spaceBefore: boolean;
  /** Makes one of each run, and none of those at the ends. */
  readonly mergesSpaces: boolean;
}

/** SentencePiece's normalization, up to the U+2581 that spaces become. */
export class UnigramNormalizer {
  private spaceIsBefore = false;
  private inWord = false;

  /** @param ownTokens begins of these tokens are left as they are */
  constructor(
    private readonly charsMap: CharsMap | undefined,
    private readonly ownTokens: ByteTrie,
    private readonly rules: SpaceRules,
  ) {}

  /** Appends the normalized form of `bytes[start, end)` to `text`. */
  run(bytes: Uint8Array, start: number, end: number, text: RewrittenText): void {
    this.spaceIsBefore = false;
    this.inWord = false;
    for (let at = start; at < end; ) at += this.step(bytes, at, end, text);
  }

  /** Normalizes what comes next, and returns how many bytes that took. */
  private step(bytes: Uint8Array, at: number, end: number, text: RewrittenText): number {
    const own = this.ownLength(bytes, at, end);
    if (own > 0) {
      for (let i = at; i < at + own; i++) this.put(bytes[i], at, at + own, text);
      return own;
    }
    const { charsMap } = this;
    const mapped = charsMap?.match(bytes, at, end) ?? 0;
    if (charsMap !== undefined && mapped > 0) {
      for (let i = charsMap.replacementStart; i < charsMap.replacementEnd; i++)
        this.put(charsMap.replacements[i], at, at + mapped, text);
      return mapped;
    }
    if ((bytes[at] & 0xc0) === 0x80) {
      for (const byte of REPLACEMENT) this.put(byte, at, at + 1, text);
      return 1;
    }
    const next = Math.min(end, at + sequenceLength(bytes[at]));
    for (let i = at; i < next; i++) this.put(bytes[i], at, next, text);
    return next - at;
  }

  /** How far the text goes along with any of the users' own tokens, even if it does not reach the end of one, as the reference does it. */
  private ownLength(bytes: Uint8Array, at: number, end: number): number {
    let node: number = ByteTrie.ROOT;
    let to = at;
    for (; to < end; to++) {
      node = this.ownTokens.step(node, bytes[to]);
      if (node < 0) break;
    }
    return to - at;
  }

  private put(byte: number, start: number, end: number, text: RewrittenText): void {
    const { spaceBefore, mergesSpaces } = this.rules;
    if (byte === SPACE) {
      this.inWord = false;
      if (!mergesSpaces) for (const mark of SPACE_MARK) text.push(mark, start, end);
      return;
    }
    if (!this.inWord) {
      this.inWord = true;
      if ((spaceBefore && !this.spaceIsBefore) || mergesSpaces) {
        for (const mark of SPACE_MARK) text.push(mark, start, start);
        this.spaceIsBefore = true;
      }
    }
    text.push(byte, start, end);
  }
}
