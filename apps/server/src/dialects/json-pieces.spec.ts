import fc from 'fast-check';
import { jsonPieces } from './json-pieces.js';

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
