import fc from 'fast-check';
import { Mt19937 } from './mt19937.js';

describe('Mt19937', () => {
  it('gives the 10000th output that the C++ standard requires of the default seed', () => {
    const generator = new Mt19937(5489);
    for (let i = 1; i < 10000; i++) generator.nextUint32();
    expect(generator.nextUint32()).toBe(4123659995);
  });

  it('gives the first outputs of the seed 42', () => {
    const generator = new Mt19937(42);
    expect([generator.nextUint32(), generator.nextUint32(), generator.nextUint32()]).toEqual([
      1608637542, 3421126067, 4083286876,
    ]);
  });

  it('makes doubles of two outputs, the low one first', () => {
    expect(new Mt19937(42).nextDouble()).toBe((1608637542 + 3421126067 * 2 ** 32) / 2 ** 64);
  });

  it('makes single-precision numbers of one output, below 1', () => {
    expect(new Mt19937(42).nextFloat()).toBe(Math.fround(1608637542) / 2 ** 32);
    const generator = new Mt19937(9);
    for (let i = 0; i < 20000; i++) expect(generator.nextFloat()).toBeLessThan(1);
  });

  it('takes seeds modulo 2^32', () => {
    expect(new Mt19937(-1).nextUint32()).toBe(new Mt19937(0xffffffff).nextUint32());
    expect(new Mt19937(2 ** 32 + 7).nextUint32()).toBe(new Mt19937(7).nextUint32());
  });

  it('goes on alike after a fork and after save and restore, wherever it stands', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 2000 }), (seed, drawn) => {
        const original = new Mt19937(seed);
        for (let i = 0; i < drawn; i++) original.nextUint32();
        const fork = original.fork();
        const restored = Mt19937.restore(JSON.parse(JSON.stringify(original.save())));
        const next = Array.from({ length: 5 }, () => original.nextUint32());
        expect(Array.from({ length: 5 }, () => fork.nextUint32())).toEqual(next);
        expect(Array.from({ length: 5 }, () => restored.nextUint32())).toEqual(next);
        expect(restored.drawn).toBe(drawn + 5);
      }),
      {
        examples: [
          [1, 0],
          [1, 624],
          [1, 1248],
          [1, 623],
        ],
      },
    );
  });

  it('refuses a saved state that cannot be', () => {
    expect(() => Mt19937.restore({ seed: 1, drawn: -1 })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
