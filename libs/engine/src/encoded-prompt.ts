/** A place where text and tokens both begin anew. */
export interface Mark {
  /** In UTF-16 units of the text. */
  readonly at: number;
  /** In tokens. */
  readonly token: number;
}

/** A prompt's text with its tokens. */
export interface EncodedPrompt {
  readonly text: string;
  readonly tokens: Uint32Array;
  /** Where control tokens begin, ascending. */
  readonly marks: readonly Mark[];
  /** From here to the end of the text, control tokens are told by their names alone: nothing there is a user's text that reads like one. */
  readonly plainFrom: number;
}

/** The last mark at or before a place of the text; undefined if there is none. */
export function markBefore({ marks }: Pick<EncodedPrompt, 'marks'>, at: number): Mark | undefined {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (marks[middle].at <= at) low = middle + 1;
    else high = middle;
  }
  return marks.at(low - 1 >= 0 ? low - 1 : marks.length);
}

/** Puts an encoded prompt together from its beginning to its end. */
export class PromptBuilder {
  #text = '';
  readonly #parts: Uint32Array[] = [];
  #count = 0;
  readonly #marks: Mark[] = [];
  #plainFrom = 0;

  get textLength(): number {
    return this.#text.length;
  }

  /** The last token so far. */
  get last(): number | undefined {
    return this.#parts.at(-1)?.at(-1);
  }

  /** Notes that a control token begins here. */
  mark(): void {
    this.#marks.push({ at: this.#text.length, token: this.#count });
  }

  add(text: string, tokens: Uint32Array): void {
    this.#text += text;
    if (tokens.length > 0) this.#parts.push(tokens);
    this.#count += tokens.length;
  }

  /** Text of a user's that reads like a control token and is none. */
  addLiteral(text: string, tokens: Uint32Array): void {
    this.add(text, tokens);
    this.#plainFrom = this.#text.length;
  }

  /** The beginning of another prompt: its first `tokens` tokens, which stand for its first `length` units of text. */
  addBeginning({ text, tokens, marks }: EncodedPrompt, count = tokens.length, length = text.length): void {
    for (const { at, token } of marks)
      if (token < count) this.#marks.push({ at: at + this.#text.length, token: token + this.#count });
    this.add(text.slice(0, length), tokens.subarray(0, count));
  }

  build(): EncodedPrompt {
    const tokens = new Uint32Array(this.#count);
    let at = 0;
    for (const part of this.#parts) {
      tokens.set(part, at);
      at += part.length;
    }
    return { text: this.#text, tokens, marks: this.#marks, plainFrom: this.#plainFrom };
  }
}
