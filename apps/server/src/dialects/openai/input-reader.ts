const BEGIN = /^\s*\{\s*"input"\s*:\s*"/;
/** An escape that is whole. Of a character that two make, both must be there: half a one is none. */
const ESCAPE =
  /^\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?![dD][89abAB])[0-9a-fA-F]{4}|u[dD][89abAB][0-9a-fA-F]{2}(?=[^\\]|\\[^u]|\\u.{4})|[^u])/;
/** Characters in which it is known whether an escape is one. */
const LONGEST_ESCAPE = 13;

/** What an escape stands for; what is none stands for itself. */
function textOf(escape: string): string {
  try {
    return JSON.parse(`"${escape}"`) as string;
  } catch {
    return escape;
  }
}

/** Reads the text out of the JSON of `{"input": TEXT}`, as it comes. */
export class InputReader {
  #text = '';
  #at = -1;
  #hasEnded = false;

  /** More of the JSON; gives what it adds to the text. */
  push(piece: string): string {
    if (this.#hasEnded) return '';
    this.#text += piece;
    if (this.#at < 0) {
      const begin = BEGIN.exec(this.#text);
      if (begin === null) return '';
      this.#at = begin[0].length;
    }
    let said = '';
    while (this.#at < this.#text.length) {
      const sign = this.#text[this.#at];
      if (sign === '"') {
        this.#hasEnded = true;
        break;
      }
      if (sign === '\\') {
        const next = this.#text.slice(this.#at, this.#at + LONGEST_ESCAPE);
        const escape = ESCAPE.exec(next)?.[0] ?? (next.length < LONGEST_ESCAPE ? undefined : sign);
        if (escape === undefined) break;
        said += textOf(escape);
        this.#at += escape.length;
        continue;
      }
      const next = this.#text.slice(this.#at).search(/["\\]/);
      const end = next < 0 ? this.#text.length : this.#at + next;
      said += this.#text.slice(this.#at, end);
      this.#at = end;
    }
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
    return said;
  }

  /** There is no more; gives what was held back: all of it where it was no such JSON, so that nothing of a call is lost. */
  end(): string {
    const rest = this.#at < 0 ? this.#text : '';
    this.#hasEnded = true;
    this.#text = '';
    return /^\s*(?:\{\s*(?:"(?:i(?:n(?:p(?:u(?:t(?:"\s*(?::\s*)?)?)?)?)?)?)?)?)?$/.test(rest) ? '' : rest;
  }
}
