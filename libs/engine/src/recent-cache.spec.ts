import { RecentCache } from './recent-cache.js';

describe('RecentCache', () => {
  it('forgets what was used longest ago', () => {
    const cache = new RecentCache<number>({ entries: 2, characters: 100 });
    cache.set('a', 1);
    cache.set('b', 2);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual([1, undefined, 3]);
  });

  it('holds so many characters of keys', () => {
    const cache = new RecentCache<number>({ entries: 100, characters: 10 });
    for (const key of ['aaaa', 'bbbb', 'aaaa', 'cc']) cache.set(key, 1);
    expect(cache.size).toBe(3);
    cache.set('dd', 1);
    expect([cache.size, cache.get('bbbb'), cache.get('aaaa')]).toEqual([3, undefined, 1]);
    cache.set('x'.repeat(11), 1);
    expect(cache.size).toBe(0);
    cache.set('e', 5);
    expect(cache.get('e')).toBe(5);
  });

  it('counts what its values hold, as they are now', () => {
    const cache = new RecentCache<string>({ entries: 100, characters: 10, charactersOf: (value) => value.length });
    cache.set('a', 'xxxx');
    cache.set('b', 'xxxx');
    expect(cache.size).toBe(2);
    cache.set('a', 'xxxxx');
    expect([cache.get('a'), cache.get('b')]).toEqual(['xxxxx', undefined]);
    cache.set('a', '');
    cache.set('c', 'x'.repeat(8));
    expect([cache.get('a'), cache.get('c')]).toEqual(['', 'x'.repeat(8)]);
  });
});
