import { expf, logf, powf, truncateToInt32 } from './exp.js';

/** The next single-precision number above a positive one. */
function nextAbove(x: number): number {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  value[0] = x;
  bits[0]++;
  return value[0];
}

describe('expf', () => {
  it('agrees with the rounded double-precision exponential to the last bit but for hardly any argument', () => {
    let differing = 0;
    for (let x = Math.fround(-104.5); x < 89; x += 0.0007) {
      const exact = Math.fround(Math.exp(Math.fround(x)));
      const own = expf(Math.fround(x));
      if (own === exact) continue;
      differing++;
      expect(own === nextAbove(exact) || nextAbove(own) === exact).toBe(true);
    }
    expect(differing).toBeLessThan(5);
  });

  it('has the limits of single precision', () => {
    expect([expf(0), expf(-Infinity), expf(-200), expf(Infinity), expf(88.8), expf(NaN)]).toEqual([
      1,
      0,
      0,
      Infinity,
      Infinity,
      NaN,
    ]);
    expect(expf(-103)).toBe(Math.fround(Math.exp(-103)));
    expect(expf(Math.fround(88.7))).toBe(Math.fround(Math.exp(Math.fround(88.7))));
  });
});

describe('the other functions', () => {
  it('round to single precision, and know 1 to any power as C does', () => {
    expect(logf(2)).toBe(Math.fround(Math.LN2));
    expect(powf(2, 0.5)).toBe(Math.fround(Math.SQRT2));
    expect([powf(1, NaN), powf(1, Infinity)]).toEqual([1, 1]);
  });

  it('truncate as x86 does', () => {
    expect([1.9, -1.9, 3e9, -3e9, NaN, Infinity].map(truncateToInt32)).toEqual([
      1, -1, -2147483648, -2147483648, -2147483648, -2147483648,
    ]);
  });
});
