import type { KvType } from '@starling/transformer';
import { InvalidArgumentError } from 'commander';

/** Readers for the values of options and arguments; what they refuse is bad usage. */

/** An integer from `min` to `max`. */
export const integer =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `Expected an integer of at least ${min}.`
          : `Expected an integer from ${min} to ${max}.`,
      );
    }
    return value;
  };

/** A finite number of at least `min`. */
export const number =
  (min: number) =>
  (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!(Number.isFinite(value) && value >= min))
      throw new InvalidArgumentError(`Expected a number of at least ${min}.`);
    return value;
  };

/** Gathers the values of an option that may be given several times. */
export const gather = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** What `Command.option` takes for the threads of a command that computes. */
export const THREADS_OPTION = [
  '-t, --threads <N>',
  'threads that compute (default: one for each physical core)',
  integer(1, 256),
] as const;

const CACHE_TYPES: ReadonlyMap<string, KvType> = new Map([
  ['f32', 'F32'],
  ['f16', 'F16'],
  ['q8_0', 'Q8_0'],
]);

/** What `Command.option` takes for the format of keys and values in a command that measures; `serve` has the same by the names of llama-server. */
export const CACHE_TYPE_OPTION = [
  '--cache-type <TYPE>',
  'how keys and values are stored: f32, f16 or q8_0 (default: f16)',
  (text: string): KvType => {
    const type = CACHE_TYPES.get(text.toLowerCase());
    if (type === undefined) throw new InvalidArgumentError(`Expected one of ${[...CACHE_TYPES.keys()].join(', ')}.`);
    return type;
  },
] as const;
