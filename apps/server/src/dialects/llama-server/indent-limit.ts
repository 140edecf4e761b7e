import type { GeneratePart, Generation } from '@starling/engine';

/**
 * The parts of an answer, each line of which but the first is indented by `least` spaces and tabs or more: the first that is not, an empty one
 * too, ends the answer before its text, as a limit does.
 */
export async function* withinIndent(
  parts: AsyncIterable<GeneratePart>,
  least: number,
  generation: Pick<Generation, 'cancel'>,
): AsyncGenerator<GeneratePart> {
  const line = new LineStart(least);
  let kept = '';
  let tokens = 0;
  let isCut = false;
  for await (const part of parts) {
    if (part.kind === 'prompt') yield part;
    else if (part.kind === 'token') {
      if (isCut) continue;
      const end = line.endIn(part.text);
      const text = part.text.slice(0, end);
      kept += text;
      tokens++;
      isCut = end !== undefined;
      if (isCut) generation.cancel();
      yield isCut ? { ...part, text } : part;
    } else
      yield isCut
        ? { ...part, text: kept, finishReason: 'length', stopReason: { kind: 'max_tokens', limit: tokens } }
        : part;
  }
}

/** How far the line that is being written is indented. */
class LineStart {
  readonly #least: number;
  /** Undefined where it is indented far enough, as the first always is. */
  #width: number | undefined;

  constructor(least: number) {
    this.#least = least;
  }

  /** Where in what comes next a line begins that is not indented far enough; undefined: nowhere. */
  endIn(text: string): number | undefined {
    for (let i = 0; i < text.length; i++) {
      if (this.#width !== undefined) {
        if (text[i] === ' ' || text[i] === '\t') this.#width++;
        else if (this.#width < this.#least) return i;
        else this.#width = undefined;
      }
      if (text[i] === '\n') this.#width = 0;
    }
    return undefined;
  }
}
