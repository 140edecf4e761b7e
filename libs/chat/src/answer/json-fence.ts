/** What begins a fence, and beginnings of it. */
const START = /^```[ \t]*(?:json)?\s*/i;
const START_BEGUN = /^(?:`{0,2}|```[ \t]*(?:j|js|jso|json)?\s*)$/i;
const MARK = '```';
/** White space around the end of a fence; more of it is text. */
const MAX_SPACE = 64;

/** Takes the fence off JSON that stands between marks of Markdown, as it comes. Other text stays as it is. */
export class JsonFence {
  #held = '';
  #state: 'before' | 'inside' | 'none' = 'before';

  /** Reads more text; gives what belongs to the JSON. */
  push(text: string): string {
    if (this.#state === 'none') return text;
    this.#held += text;
    if (this.#state === 'before') {
      if (START_BEGUN.test(this.#held)) return '';
      const start = START.exec(this.#held);
      this.#state = start ? 'inside' : 'none';
      if (start) this.#held = this.#held.slice(start[0].length);
    }
    if (this.#state === 'none') return this.#release(this.#held.length);
    return this.#release(endStart(this.#held));
  }

  /** Says that there is no more, or that other parts follow; gives the rest. */
  end(): string {
    if (this.#state === 'before' && this.#held === '') return '';
    if (this.#state === 'inside' && this.#held.trim() === MARK) this.#held = '';
    this.#state = 'none';
    return this.#release(this.#held.length);
  }

  #release(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }
}

/** Where what may be the end of a fence begins, at a text's end. */
function endStart(text: string): number {
  const back = (from: number, most: number, pattern: RegExp): number => {
    let at = from;
    while (at > 0 && from - at < most && pattern.test(text[at - 1])) at--;
    return at;
  };
  return back(back(back(text.length, MAX_SPACE, /\s/), MARK.length, /`/), MAX_SPACE, /\s/);
}
