import type { Tokenizer } from '@starling/tokenizer';

/** Names of control tokens are looked for by so many of their first characters. */
const PREFIX = 2;

/**
 * Finds where control tokens begin in a text. What stands before such a place and what stands after it can be tokenized apart: no token
 * reaches over it.
 */
export class ControlCuts {
  readonly #tokenizer: Tokenizer;
  /** Names by their first characters, longer ones first. */
  readonly #names = new Map<string, string[]>();
  readonly #prefixes: RegExp | undefined;
  readonly #isSafe = new Map<string, boolean>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      if (!tokenizer.isControl(id)) continue;
      const name = tokenizer.tokenText(id);
      if (name.length < PREFIX) continue;
      const prefix = name.slice(0, PREFIX);
      const known = this.#names.get(prefix);
      if (known) known.push(name);
      else this.#names.set(prefix, [name]);
    }
    for (const names of this.#names.values()) names.sort((a, b) => b.length - a.length);
    const prefixes = [...this.#names.keys()]
      .sort((a, b) => b.length - a.length)
      .map((prefix) => prefix.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
    if (prefixes.length > 0) this.#prefixes = new RegExp(prefixes.join('|'), 'g');
  }

  /** Ascending, without 0. */
  cutsIn(text: string): number[] {
    const cuts: number[] = [];
    if (this.#prefixes === undefined) return cuts;
    this.#prefixes.lastIndex = 0;
    for (let found = this.#prefixes.exec(text); found; found = this.#prefixes.exec(text)) {
      const at = found.index;
      const name = this.#names.get(found[0])?.find((one) => text.startsWith(one, at));
      // The next name may begin with the second of these characters.
      this.#prefixes.lastIndex = at + (name?.length ?? 1);
      if (name !== undefined && at > 0 && this.#isCut(name)) cuts.push(at);
    }
    return cuts;
  }

  /** Whether a control token begins there. */
  beginsAt(text: string, at: number): boolean {
    const name = this.#names.get(text.slice(at, at + PREFIX))?.find((one) => text.startsWith(one, at));
    return name !== undefined && this.#isCut(name);
  }

  /** False for a token that takes white space before it along. */
  #isCut(name: string): boolean {
    let isSafe = this.#isSafe.get(name);
    if (isSafe === undefined) {
      const before = 'a \n';
      const encode = (text: string): number[] => Array.from(this.#tokenizer.encode(text, { parseSpecial: true }));
      const apart = [...encode(before), ...encode(name)];
      const together = encode(before + name);
      isSafe = apart.length === together.length && apart.every((id, i) => id === together[i]);
      this.#isSafe.set(name, isSafe);
    }
    return isSafe;
  }
}
