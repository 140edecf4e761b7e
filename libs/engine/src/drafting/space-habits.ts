const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** White space is remembered no further than this: what is longer is indentation of its own. */
const LONGEST = 32;

/** What most models write before any of it is seen: a space after a colon and a comma. */
const COMMON: readonly (readonly [after: string, space: string])[] = [
  [':', ' '],
  [',', ' '],
];
const NONE: readonly number[] = [];

/** Where white space may stand in JSON: after these, and after the end of a value, where there seldom is any. */
const PUNCTUATION = new Set(Array.from('{[:,', (mark) => mark.charCodeAt(0)));

/** The white space that a text has after each punctuation mark, as it was last. */
export class SpaceHabits {
  readonly #after = new Map<number, readonly number[]>(
    COMMON.map(([after, space]) => [after.charCodeAt(0), [space.charCodeAt(0)]]),
  );
  /** The last byte of the text. */
  #last: number | undefined;
  /** The last byte that is not white space, and the white space since. */
  #mark: number | undefined;
  #spaces: number[] = [];

  get last(): number | undefined {
    return this.#last;
  }

  note(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#last = byte;
      if (isSpace(byte)) {
        if (this.#spaces.length < LONGEST) this.#spaces.push(byte);
        continue;
      }
      if (this.#mark !== undefined && PUNCTUATION.has(this.#mark)) this.#after.set(this.#mark, this.#spaces);
      this.#mark = byte;
      if (this.#spaces.length > 0) this.#spaces = [];
    }
  }

  readonly after = (byte: number): readonly number[] => this.#after.get(byte) ?? NONE;
}
