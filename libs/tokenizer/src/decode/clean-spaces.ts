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
