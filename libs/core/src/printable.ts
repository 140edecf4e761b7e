/**
 * Characters that do something to a terminal or hide what stands in a log: controls (C0 with tab and line feed, DEL, C1), format
 * characters that turn the direction of text or have no width, line and paragraph separators, and halves of surrogate pairs.
 */
const UNPRINTABLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * A text of unknown origin (a file's metadata, names of tensors, a path) as it may be shown at a terminal or stand in one line of a log:
 * what is not printable is written as an escape of JSON or of JavaScript (`\u001b`, `\u{e0001}`). Printable text stays as it is.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
