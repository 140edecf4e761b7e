import fc from 'fast-check';
import { bf16ToNumber, f16Table, f16ToNumber, numberToBf16, numberToF16 } from './half.js';

describe('f16', () => {
  it('reads the values that IEEE 754 names', () => {
    expect(f16ToNumber(0x3c00)).toBe(1);
    expect(f16ToNumber(0xc000)).toBe(-2);
    expect(f16ToNumber(0x7bff)).toBe(65504);
    expect(f16ToNumber(0x0001)).toBe(2 ** -24);
    expect(f16ToNumber(0x7c00)).toBe(Infinity);
    expect(f16ToNumber(0x7e00)).toBeNaN();
    expect(Object.is(f16ToNumber(0x8000), -0)).toBe(true);
  });

  it('gives every one of the 65,536 patterns back (NaN as a NaN)', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = f16ToNumber(bits);
      const back = numberToF16(value);
      if (Number.isNaN(value)) expect(f16ToNumber(back)).toBeNaN();
      else if (back !== bits) throw new RangeError(`f16 0x${bits.toString(16)} came back as 0x${back.toString(16)}`);
    }
  });

  it('rounds to the nearest value, ties to even', () => {
    const finite = Array.from({ length: 0x7c00 }, (_, bits) => f16ToNumber(bits));
    fc.assert(
      fc.property(fc.float({ min: 0, max: 65504, noNaN: true }), (value) => {
        const got = f16ToNumber(numberToF16(value));
        const bits = numberToF16(value) & 0x7fff;
        for (const near of [bits - 1, bits + 1]) {
          if (near < 0 || near >= 0x7c00) continue;
          const distance = Math.abs(finite[near] - value);
          expect(Math.abs(got - value)).toBeLessThanOrEqual(distance);
          if (Math.abs(got - value) === distance) expect(bits & 1).toBe(0);
        }
      }),
    );
    expect(numberToF16(65520)).toBe(0x7c00);
    expect(numberToF16(65519.99)).toBe(0x7bff);
  });

  it('has a table of all values', () => {
    expect(f16Table()[0x3c00]).toBe(1);
    expect(f16Table()).toHaveLength(65536);
    expect(f16Table()).toBe(f16Table());
  });
});

describe('bf16', () => {
  it('gives every finite pattern back and rounds ties to even', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = bf16ToNumber(bits);
      if (Number.isNaN(value)) expect(bf16ToNumber(numberToBf16(value))).toBeNaN();
      else if (numberToBf16(value) !== bits) throw new RangeError(`bf16 ${bits}`);
    }
    expect(numberToBf16(1 + 2 ** -8)).toBe(0x3f80);
    expect(numberToBf16(1 + 3 * 2 ** -8)).toBe(0x3f82);
  });
});
