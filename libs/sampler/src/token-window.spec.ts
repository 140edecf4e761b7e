import fc from 'fast-check';
import { TokenWindow } from './token-window.js';

describe('TokenWindow', () => {
  it('holds the last tokens, and gives back what drops out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(99), { maxLength: 500 }), (limit, tokens) => {
        const window = new TokenWindow(limit);
        tokens.forEach((id, i) => expect(window.push(id)).toBe(i >= limit ? tokens[i - limit] : undefined));
        const expected = tokens.slice(-limit);
        expect(window.toArray()).toEqual(expected);
        expect(window.fork().toArray()).toEqual(expected);
        expected.forEach((_, back) => expect(window.fromEnd(back)).toBe(expected[expected.length - 1 - back]));
      }),
    );
  });

  it('takes no memory for a limit that is never reached', () => {
    const window = new TokenWindow(2147483647);
    for (let i = 0; i < 100; i++) window.push(i);
    expect(window.length).toBe(100);
    expect(window.toArray()[0]).toBe(0);
  });

  it('holds nothing with a limit of 0', () => {
    const window = new TokenWindow(0);
    expect(window.push(5)).toBe(5);
    expect(window.length).toBe(0);
  });
});
