import { ScopedCache } from './scoped-cache.js';

describe('ScopedCache', () => {
  const of = (each: number, all: number) =>
    new ScopedCache<number>({ each: { entries: each, characters: 100 }, all: { entries: all, characters: 120 } });

  it('gives a scope what it has itself, and nothing of others', () => {
    const cache = of(2, 4);
    cache.set('a', 'x', 1);
    expect([cache.get('a', 'x'), cache.get('b', 'x')]).toEqual([1, undefined]);
    cache.set('b', 'x', 2);
    expect([cache.get('a', 'x'), cache.get('b', 'x')]).toEqual([1, 2]);
  });

  it('forgets within a scope what it used longest ago', () => {
    const cache = of(2, 4);
    for (const key of ['x', 'y', 'z']) cache.set('a', key, 1);
    expect(['x', 'y', 'z'].map((key) => cache.get('a', key))).toEqual([undefined, 1, 1]);
  });

  it('takes from the scope that has most where all have too much: who has little keeps it', () => {
    const cache = of(3, 4);
    cache.set('small', 'x', 1);
    for (const scope of ['a', 'b', 'c']) for (const key of ['x', 'y', 'z']) cache.set(scope, key, 1);
    expect([cache.size, cache.get('small', 'x'), cache.get('c', 'z')]).toEqual([4, 1, 1]);
  });

  it('counts characters likewise, and keeps what was just set while others have something', () => {
    const cache = of(3, 10);
    for (const scope of ['a', 'b', 'c']) cache.set(scope, scope.repeat(30), 1);
    cache.set('d', 'd'.repeat(100), 1);
    expect([cache.size, cache.get('d', 'd'.repeat(100))]).toEqual([1, 1]);
    cache.set('e', 'e'.repeat(101), 1);
    expect(cache.get('e', 'e'.repeat(101))).toBeUndefined();
    expect(cache.size).toBe(1);
    cache.delete('d', 'd'.repeat(100));
    cache.delete('none', 'd');
    expect([cache.size, [...cache.values('d')]]).toEqual([0, []]);
  });
});
