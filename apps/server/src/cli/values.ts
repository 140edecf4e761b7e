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
