import { charClasses, WHITE_SPACE } from '../text/char-class.js';
import { codePointAt, sequenceLength, utf8Bytes } from '../text/utf8.js';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import type { Fragment, Partition } from '../model/special-partition.js';
import { WORD_CHARACTERS } from './regex/character-sets.js';

const WORD = new RegExp(`^[${WORD_CHARACTERS}]$`, 'u');

/** A token that is cut out of the text before anything else happens to it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Control tokens: found only where `parseSpecial` says so. */
  readonly special: boolean;
  /** Looked for in the normalized text. */
  readonly normalized: boolean;
  /** Not inside of a longer word. */
  readonly singleWord: boolean;
  /** Takes the white space beside it along. */
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
}

/** A control token that is found as it is written. */
export const controlToken = (id: number, content: string): AddedToken => ({
  id,
  content,
  special: true,
  normalized: false,
  singleWord: false,
  stripsLeft: false,
  stripsRight: false,
});

/** Finds added tokens: at each place the longest that is there, from left to right. */
export class AddedTokens implements Partition {
  private readonly trie = new ByteTrie();
  private readonly opens = new Uint8Array(256);
  private readonly classes = charClasses();

  constructor(private readonly tokens: readonly AddedToken[]) {
    const names = new Set<string>();
    tokens.forEach((token, i) => {
      const bytes = utf8Bytes(token.content);
      // Two may be the same when they are normalized: the first one counts.
      if (bytes.length === 0 || names.has(token.content)) return;
      names.add(token.content);
      this.trie.add(bytes, 0, bytes.length, i);
      this.opens[bytes[0]] = 1;
    });
  }

  get isEmpty(): boolean {
    return this.tokens.length === 0;
  }

  split(bytes: Uint8Array, start: number, end: number, withControl: boolean): Fragment[] | undefined {
    if (this.isEmpty) return undefined;
    const fragments: Fragment[] = [];
    let textStart = start;
    for (let at = start; at < end; ) {
      const length = this.opens[bytes[at]] === 0 ? 0 : this.matchLength(bytes, at, end, withControl);
      if (length === 0) {
        at++;
        continue;
      }
      const token = this.tokens[this.matched];
      if (token.singleWord && (this.isWordBefore(bytes, start, at) || this.isWordAt(bytes, at + length, end))) {
        at += length;
        continue;
      }
      const to = token.stripsRight ? this.spaceAfter(bytes, at + length, end) : at + length;
      // White space that the token before took along may belong to the name of this one, as the library looks for names regardless of it.
      const from = Math.min(to, token.stripsLeft ? Math.max(textStart, this.spaceBefore(bytes, start, at)) : at);
      if (from > textStart) fragments.push({ start: textStart, end: from, id: -1 });
      fragments.push({ start: from, end: to, id: token.id });
      textStart = to;
      at += length;
    }
    if (fragments.length === 0) return undefined;
    if (textStart < end) fragments.push({ start: textStart, end, id: -1 });
    return fragments;
  }

  /** Which token `matchLength` found. */
  private matched = 0;

  private matchLength(bytes: Uint8Array, at: number, end: number, withControl: boolean): number {
    const { trie, tokens } = this;
    let length = 0;
    let node: number = ByteTrie.ROOT;
    for (let to = at; to < end; ) {
      node = trie.step(node, bytes[to++]);
      if (node < 0) break;
      const index = trie.valueAt(node);
      if (index < 0 || (tokens[index].special && !withControl)) continue;
      this.matched = index;
      length = to - at;
    }
    return length;
  }

  private isWordAt(bytes: Uint8Array, at: number, end: number): boolean {
    return at < end && WORD.test(String.fromCodePoint(codePointAt(bytes, at)));
  }

  private isWordBefore(bytes: Uint8Array, start: number, at: number): boolean {
    return at > start && this.isWordAt(bytes, previous(bytes, at), at);
  }

  private spaceBefore(bytes: Uint8Array, start: number, at: number): number {
    let from = at;
    while (from > start) {
      const before = previous(bytes, from);
      if ((this.classes[codePointAt(bytes, before)] & WHITE_SPACE) === 0) break;
      from = before;
    }
    return from;
  }

  private spaceAfter(bytes: Uint8Array, at: number, end: number): number {
    let to = at;
    while (to < end && (this.classes[codePointAt(bytes, to)] & WHITE_SPACE) !== 0) to += sequenceLength(bytes[to]);
    return to;
  }
}

/** Finds the tokens of one partition, then those of the next in what is left. */
export class TokensInTurn implements Partition {
  private readonly turns: readonly AddedTokens[];

  constructor(turns: readonly AddedTokens[]) {
    this.turns = turns.filter((tokens) => !tokens.isEmpty);
  }

  split(bytes: Uint8Array, start: number, end: number, withControl: boolean): Fragment[] | undefined {
    let fragments: Fragment[] | undefined;
    for (const tokens of this.turns) {
      if (fragments === undefined) fragments = tokens.split(bytes, start, end, withControl);
      else
        fragments = fragments.flatMap((fragment) =>
          fragment.id >= 0
            ? [fragment]
            : (tokens.split(bytes, fragment.start, fragment.end, withControl) ?? [fragment]),
        );
    }
    return fragments;
  }
}

/** Where the character before `at` starts. */
function previous(bytes: Uint8Array, at: number): number {
  let start = at - 1;
  while ((bytes[start] & 0xc0) === 0x80) start--;
  return start;
}
