import fc from 'fast-check';
import { partialSortDescending, selectTop, sortDescending } from './reference-sort.js';

/** Keys from a linear congruential generator, few different ones: the same as the program that made the orders below. */
function keysOf(count: number, different: number): Float32Array {
  let state = count * 7 + different;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) % different;
  });
}

const ascending = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/** Orders that std::sort and std::partial_sort of GCC 12 (libstdc++) leave these keys in. */
const SORTED_60_BY_4 = [
  0, 32, 34, 36, 39, 24, 23, 22, 19, 41, 42, 51, 58, 8, 50, 30, 2, 28, 35, 5, 6, 21, 40, 54, 52, 16, 13, 55, 56, 43, 45,
  59, 1, 7, 9, 20, 18, 17, 15, 11, 12, 46, 3, 57, 4, 53, 10, 49, 48, 47, 31, 14, 44, 25, 38, 37, 26, 27, 29, 33,
];
const UNORDERED_60 = [
  45, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 30, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
  59, 15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
];
const TOP_20_OF_50_BY_5 = [32, 47, 28, 34, 38, 20, 23, 24, 30, 4, 9, 44, 43, 22, 1, 16, 3, 33, 25, 10];

describe('sorting in the order of the reference library', () => {
  it('leaves equal keys where std::sort leaves them', () => {
    const order = ascending(60);
    sortDescending(order, 0, 60, keysOf(60, 4));
    expect([...order]).toEqual(SORTED_60_BY_4);
  });

  it('leaves keys that cannot be compared where std::sort leaves them', () => {
    const order = ascending(60);
    sortDescending(order, 0, 60, new Float32Array(60).fill(NaN));
    expect([...order]).toEqual(UNORDERED_60);
  });

  it('selects equal keys as std::partial_sort does, with and without a list of all positions', () => {
    const order = ascending(50);
    partialSortDescending(order, 0, 20, 50, keysOf(50, 5));
    expect([...order.subarray(0, 20)]).toEqual(TOP_20_OF_50_BY_5);
    const selected = new Int32Array(20);
    selectTop(selected, 20, keysOf(50, 5), 50);
    expect([...selected]).toEqual(TOP_20_OF_50_BY_5);
  });

  it('sorts: a permutation, in descending order, for any keys and range', () => {
    const keys = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.float({ noNaN: true })), { maxLength: 400 });
    fc.assert(
      fc.property(keys, fc.nat(), fc.nat(), (values, a, b) => {
        // Zeros of both signs are equal keys, but not equal to the assertion.
        const data = Float32Array.from(values, (value) => value + 0);
        const order = ascending(data.length);
        sortDescending(order, 0, data.length, data);
        expect([...order].sort((x, y) => x - y)).toEqual([...ascending(data.length)]);
        const sorted = [...data].sort((x, y) => y - x);
        expect([...order].map((i) => data[i])).toEqual(sorted);

        if (data.length === 0) return;
        const count = 1 + (a % data.length);
        const top = new Int32Array(count);
        selectTop(top, count, data, data.length);
        expect([...top].map((i) => data[i])).toEqual(sorted.slice(0, count));
        const first = b % data.length;
        const part = ascending(data.length);
        partialSortDescending(part, first, Math.min(first + count, data.length), data.length, data);
        const rest = [...data.subarray(first)].sort((x, y) => y - x);
        expect([...part.subarray(first, first + count)].map((i) => data[i])).toEqual(rest.slice(0, count));
      }),
    );
  });

  it('needs no more than n log n steps for a sequence that defeats quicksort', () => {
    const count = 20000;
    const keys = Float32Array.from({ length: count }, (_, i) => (i % 2 ? i : count - i));
    const order = ascending(count);
    sortDescending(order, 0, count, keys);
    expect([...order.subarray(0, 2)].map((i) => keys[i])).toEqual([20000, 19999]);
  });
});
