import { nearestName } from './nearest-name.js';

describe('nearestName', () => {
  const known = ['top_k', 'top_p', 'temperature'];

  it.each([
    ['topk', 'top_k'],
    ['TOP_P', 'top_p'],
    ['tempreature', 'temperature'],
    ['', 'top_k'],
  ])('of %j is %s', (name, expected) => {
    expect(nearestName(name, known)).toBe(expected);
  });

  it('is unknown where there is no name, or the one given is no typing mistake', () => {
    expect(nearestName('x', [])).toBeUndefined();
    expect(nearestName('x'.repeat(100_000), known)).toBeUndefined();
  });
});
