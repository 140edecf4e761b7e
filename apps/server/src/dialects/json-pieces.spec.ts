import fc from 'fast-check';
import { jsonPieces, jsonTexts, textPieces } from './json-pieces.js';

const listOf = <T>(entries: readonly T[], onMake: () => void = () => undefined) => ({
  length: entries.length,
  at(index: number) {
    onMake();
    return entries[index];
  },
});

describe('JSON in pieces', () => {
  it('is the JSON of the whole', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.array(fc.jsonValue()),
        fc.option(fc.array(fc.jsonValue()), { nil: undefined }),
        (head, a, b) => {
          const { list: _list, other: _other, ...fields } = head;
          const text = [...jsonPieces(fields, { list: listOf(a), other: b && listOf(b) }, (entry) => entry)].join('');
          expect(text).toBe(JSON.stringify({ ...fields, list: a, other: b }));
        },
      ),
    );
  });

  it('is made as it is taken, in pieces of one size', () => {
    let made = 0;
    const pieces = jsonPieces(
      { id: 1 },
      {
        list: listOf(
          Array.from({ length: 1000 }, () => 'x'.repeat(1000)),
          () => void made++,
        ),
      },
      (entry) => entry,
    );
    expect(pieces.next().value!.length).toBeLessThan(20_000);
    expect(made).toBeLessThan(20);
  });
});

describe('texts in pieces', () => {
  it('are the JSON of the object, whatever characters they hold', () => {
    const long = 'A "starling"\n\u{1f426}\ud83d sings. '.repeat(5000);
    const all: Record<string, string>[] = [
      {},
      { text: '' },
      { text: long },
      { content: long, prompt: 'a' },
      { content: 'a', 'b"': long },
    ];
    for (const texts of all) {
      const pieces = [...jsonTexts(texts)];
      expect(pieces.join('')).toBe(JSON.stringify(texts));
      for (const piece of pieces) expect(piece.length).toBeLessThan(40_000);
    }
  });

  it('do not end inside of a surrogate pair', () => {
    const text = `${'a'.repeat(9)}${'\u{1f426}'.repeat(20)}`;
    for (const length of [1, 2, 7, 10]) {
      const pieces = [...textPieces(text, length)];
      expect(pieces.join('')).toBe(text);
      for (const piece of pieces) expect(piece).not.toMatch(/[\uD800-\uDBFF]$/u);
    }
  });
});
