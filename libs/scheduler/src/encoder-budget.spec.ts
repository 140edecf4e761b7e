import { FakeOwner, alone } from '../test/fake-owner.js';

const text = (length: number, first: number): number[] => Array.from({ length }, (_, i) => first + i);

describe('what an encoder reads', () => {
  it('comes whole, with the first token after it, and beside what others decode', () => {
    const owner = new FakeOwner({ maxBatchTokens: 8, maxSequences: 4 });
    owner.submit({ id: 'a', tokens: text(9, 1), encoderTokens: 8 }, 6);
    owner.step();
    owner.submit({ id: 'b', tokens: text(6, 20), encoderTokens: 5 }, 4);
    owner.submit({ id: 'c', tokens: text(8, 40), encoderTokens: 7 }, 4);
    owner.submit({ id: 'd', tokens: text(3, 60), encoderTokens: 2 }, 4);
    owner.step();
    owner.step();
    const sizes = owner.plans.map(({ sequences }) =>
      Object.fromEntries(sequences.map(({ sequence, tokens }) => [sequence.id, tokens])),
    );
    // Of those that read, the shortest does not overtake.
    expect(sizes).toEqual([{ a: 9 }, { a: 1, b: 6 }, { a: 1, b: 1, c: 8 }]);
    owner.runToEnd();
    expect(owner.results.get('d')).toMatchObject({ end: { kind: 'finished' }, generated: alone(text(3, 60), 4) });
  });

  it('is read again by a sequence that lost its pages, before what it has written', () => {
    const owner = new FakeOwner({ pageCount: 6, pageTokens: 4, maxBatchTokens: 8, maxSequences: 2 });
    owner.submit({ id: 'a', tokens: text(8, 1), encoderTokens: 7 }, 12);
    owner.submit({ id: 'b', tokens: text(8, 30), encoderTokens: 7 }, 12);
    owner.runToEnd();
    expect(
      owner.plans.flatMap(({ batch }) => batch.filter(({ startPosition }) => startPosition === 0)).length,
    ).toBeGreaterThan(2);
    for (const [id, first] of [
      ['a', 1],
      ['b', 30],
    ] as const)
      expect(owner.results.get(id)?.generated).toEqual(alone(text(8, first), 12));
  });

  it('is refused where no step holds it, or nothing would be left to write after', () => {
    const owner = new FakeOwner({ maxBatchTokens: 8 });
    expect(() => owner.submit({ id: 'a', tokens: text(10, 1), encoderTokens: 9 }, 1)).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded', details: { promptTokens: 9, limit: 8 } }) as Error,
    );
    for (const encoderTokens of [0, 4])
      expect(() => owner.submit({ id: 'a', tokens: text(4, 1), encoderTokens }, 1)).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }) as Error,
      );
  });
});
