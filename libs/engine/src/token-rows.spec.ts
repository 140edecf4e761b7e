import fc from 'fast-check';
import { TokenRows } from './token-rows.js';

const scored = fc.record({ id: fc.nat(2 ** 32 - 1), score: fc.double({ noNaN: true }) });
const row = fc.record({
  id: fc.nat(2 ** 32 - 1),
  score: fc.double({ noNaN: true }),
  rank: fc.nat(2 ** 32 - 1),
  others: fc.array(scored, { maxLength: 30 }),
});

describe('rows of tokens', () => {
  it('are what was put in, to the bit', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
        const kept = new TokenRows();
        for (const one of rows) kept.push(one);
        expect(kept.length).toBe(rows.length);
        expect(rows.map((_, i) => kept.at(i))).toEqual(rows);
      }),
    );
  });
});
