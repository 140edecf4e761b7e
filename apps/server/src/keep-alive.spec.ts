import { keepAliveMs } from './keep-alive.js';

describe('how long a model stays', () => {
  it.each([
    [300, 300_000],
    [0, 0],
    [-1, Infinity],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['-1m', Infinity],
    ['10', 10_000],
    ['0s', 0],
    ['24h', 86_400_000],
  ])('%j is %s ms', (value, ms) => {
    expect(keepAliveMs(value)).toBe(ms);
  });

  it.each(['', 'soon', '5 minutes', 'm5', null, true, {}, NaN])('%j is none', (value) => {
    expect(keepAliveMs(value)).toBeUndefined();
  });
});
