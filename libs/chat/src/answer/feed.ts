/** What a reader of text does when it has to wait for more: it yields, and is gone on with when there is more text or the end is known. */
export type Reading<T> = Generator<undefined, T, undefined>;

const SPACE = /\s/;

/**
 * Text that comes in pieces, read as if all of it were there: a reading pauses where the next piece decides.
 *
 * Invariant: text before `at` has been read and is never looked at again, except by a reading that remembers a position and goes back to it.
 */
export class Feed {
  text = '';
  at = 0;
  /** No more text will come. */
  isFinal = false;

  push(piece: string): void {
    this.text += piece;
  }

  /** Forgets what was read, if it is much; gives how many characters. Only between readings that might go back. */
  compact(): number {
    const read = this.at;
    if (read < 4096) return 0;
    this.text = this.text.slice(read);
    this.at = 0;
    return read;
  }

  /** The next character, which stays unread; empty at the end. */
  *peek(): Reading<string> {
    while (this.at >= this.text.length && !this.isFinal) yield;
    return this.text.charAt(this.at);
  }

  *skipSpace(): Reading<void> {
    while (SPACE.test(yield* this.peek())) this.at++;
  }

  /** Whether a literal comes next; decided as soon as a character differs. Nothing is read. */
  *startsWith(literal: string): Reading<boolean> {
    for (;;) {
      const available = Math.min(literal.length, this.text.length - this.at);
      if (!this.text.startsWith(literal.slice(0, available), this.at)) return false;
      if (available === literal.length) return true;
      if (this.isFinal) return false;
      yield;
    }
  }

  /** Reads a literal if it comes next. */
  *accept(literal: string): Reading<boolean> {
    const isNext = yield* this.startsWith(literal);
    if (isNext) this.at += literal.length;
    return isNext;
  }

  /** Reads the characters that a pattern for one character allows, `limit` at most. */
  *run(pattern: RegExp, limit: number): Reading<string> {
    const start = this.at;
    while (this.at - start < limit) {
      const next = yield* this.peek();
      if (next === '' || !pattern.test(next)) break;
      this.at++;
    }
    return this.text.slice(start, this.at);
  }
}
