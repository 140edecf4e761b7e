import { alignUp, checkedProduct, checkedSum } from './sizes.js';

const context = { code: 'invalid_model_file', what: 'a.gguf: tensor "x"' } as const;

describe('checked sizes', () => {
  it('multiplies and adds exactly', () => {
    expect(checkedProduct([3, 4, 5], context)).toBe(60);
    expect(checkedProduct([], context)).toBe(1);
    expect(checkedSum([2 ** 52, 7], context)).toBe(2 ** 52 + 7);
  });

  it.each([[[2 ** 32, 2 ** 32]], [[-1, 3]], [[1.5]], [[NaN]]])('refuses %j', (values) => {
    expect(() => checkedProduct(values, context)).toThrow(expect.objectContaining({ code: 'invalid_model_file' }));
  });

  it('refuses sums beyond the safe integers', () => {
    expect(() => checkedSum([2 ** 53 - 1, 1], context)).toThrow('a.gguf: tensor "x"');
    expect(() => checkedSum([-1], context)).toThrow('not a size');
  });

  it('aligns up', () => {
    expect([0, 1, 32, 33].map((value) => alignUp(value, 32))).toEqual([0, 32, 32, 64]);
  });
});
