import { scaled } from './embedding-norm.js';

describe('vectors', () => {
  it.each([
    [-1, [3, -4, 0]],
    [0, [24570, -32760, 0]],
    [1, [3 / 7, -4 / 7, 0]],
    [2, [0.6, -0.8, 0]],
    [3, [3 / 91 ** (1 / 3), -4 / 91 ** (1 / 3), 0]],
  ])('are scaled as %d says', (way, expected) => {
    scaled(Float32Array.of(3, -4, 0), way).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
  });

  it('of zeros stay as they are', () => {
    for (const way of [-1, 0, 1, 2, 5]) expect(scaled(new Float32Array(2), way)).toEqual(new Float32Array(2));
  });
});
