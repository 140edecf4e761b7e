import type { LazyList } from './generate-types.js';

/** A list as another sees it. */
export function lazyList<T>(length: number, at: (index: number) => T): LazyList<T> {
  return { length, at };
}

/** Gives an object a list under two names: entry by entry, and whole, made each time that it is read. */
export function withList<Target extends object, Whole extends keyof Target, Lazy extends keyof Target>(
  target: Target,
  names: readonly [whole: Whole, lazy: Lazy],
  list: LazyList<unknown>,
): void {
  Object.defineProperty(target, names[0], {
    get: () => Array.from({ length: list.length }, (_, i) => list.at(i)),
    enumerable: true,
    configurable: true,
  });
  // Not among what is compared or written out: it says nothing that the other does not.
  Object.defineProperty(target, names[1], { value: list, enumerable: false, configurable: true });
}

/** One object with the properties of both, whose lazy ones stay so. */
export function joined<A extends object, B extends object>(a: A, b: B): A & B {
  return Object.defineProperties(
    {},
    { ...Object.getOwnPropertyDescriptors(b), ...Object.getOwnPropertyDescriptors(a) },
  ) as A & B;
}
