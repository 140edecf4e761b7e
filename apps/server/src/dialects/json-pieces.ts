import type { LazyList } from '@starling/engine';

/** Characters of a piece, about. */
const PIECE_LENGTH = 16_384;

/**
 * An object as JSON text, in pieces, none of which is made before the one ahead of it was taken.
 * @param head its fields that are short
 * @param lists fields that may be long; those that are undefined are left out
 * @param entryOf what stands for an entry
 */
export function* jsonPieces<T>(
  head: object,
  lists: Readonly<Record<string, LazyList<T> | undefined>>,
  entryOf: (entry: T) => unknown,
): Generator<string> {
  let text = JSON.stringify(head).slice(0, -1);
  for (const [name, list] of Object.entries(lists)) {
    if (list === undefined) continue;
    text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:[`;
    for (let i = 0; i < list.length; i++) {
      text += `${i === 0 ? '' : ','}${JSON.stringify(entryOf(list.at(i)))}`;
      if (text.length < PIECE_LENGTH) continue;
      yield text;
      text = '';
    }
    text += ']';
  }
  yield `${text}}`;
}

/** An object of texts, which may be long, in pieces as above. */
export function* jsonTexts(texts: Readonly<Record<string, string>>): Generator<string> {
  let before = '{';
  for (const [name, text] of Object.entries(texts)) {
    yield `${before}${JSON.stringify(name)}:"`;
    for (const piece of textPieces(text, PIECE_LENGTH)) yield JSON.stringify(piece).slice(1, -1);
    before = '",';
  }
  yield before === '{' ? '{}' : '"}';
}

/** A text in pieces of about so many characters, none of which ends inside of a surrogate pair. */
export function* textPieces(text: string, length: number): Generator<string> {
  for (let begin = 0; begin < text.length; ) {
    let end = begin + length;
    if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end++;
    yield text.slice(begin, end);
    begin = end;
  }
}
