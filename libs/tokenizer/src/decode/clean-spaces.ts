import type { StreamingDecoder } from '../tokenizer.js';

/** What is taken out begins with a space and is looked at up to so many characters further on. */
const REACH = 3;

/**
 * Takes out spaces that tokenizing put in: before `? ! . ,`, around an apostrophe that stands alone, and before the short forms
 * `'s 'm 're 've`. Three passes, each over the result of the one before, as the reference does it.
 */
export function cleanSpaces(text: string): string {
  return text
    .replaceAll(/ (?=[?!.,])/g, '')
    .replaceAll(" ' ", "'")
    .replaceAll(/ (?='(?:s|m|re|ve))/g, '');
}

/** Cleans the text of another decoder: holds back what follows a space until it is clear whether the space stays. */
export class CleaningDecoder implements StreamingDecoder {
  private held = '';

  constructor(private readonly inner: StreamingDecoder) {}

  push(id: number): string {
    this.held += this.inner.push(id);
    let cut = this.held.length;
    for (
      let space = this.held.lastIndexOf(' ');
      space >= 0 && cut - space <= REACH;
      space = this.held.lastIndexOf(' ', space - 1)
    ) {
      cut = space;
      if (space === 0) break;
    }
    const done = cleanSpaces(this.held.slice(0, cut));
    this.held = this.held.slice(cut);
    return done;
  }

  flush(): string {
    const rest = cleanSpaces(this.held + this.inner.flush());
    this.held = '';
    return rest;
  }
}
