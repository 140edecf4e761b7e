import {
  CONTROL_RUNS,
  MARK_RUNS,
  NONSPACING_MARK_RUNS,
  NUMBER_RUNS,
  PUNCTUATION_RUNS,
  SCRIPT_RUNS,
} from './characters.table.js';

const CODE_POINTS = 0x110000;

/** Reads runs of a table: for each character the number of its run and one more, or 0 for one that is in none; runs without a number have 0. */
function readRuns(runs: string): Uint8Array {
  const values = new Uint8Array(CODE_POINTS);
  let at = 0;
  for (const run of runs.split(' ')) {
    const [gap, length, value = 0] = run.split('.').map((number) => parseInt(number, 36));
    values.fill(value + 1, at + gap, at + gap + length);
    at += gap + length;
  }
  return values;
}

/** A table that is read when it is first asked for. */
function lazily(runs: string): () => Uint8Array {
  let values: Uint8Array | undefined;
  return () => (values ??= readRuns(runs));
}

/** `(0x110000)`: 1 for punctuation. */
export const punctuation = lazily(PUNCTUATION_RUNS);

/** `(0x110000)`: 1 for digits and other numbers. */
export const numbers = lazily(NUMBER_RUNS);

/** `(0x110000)`: 1 for combining marks. */
export const marks = lazily(MARK_RUNS);

/** `(0x110000)`: 1 for combining marks that take no room of their own. */
export const nonspacingMarks = lazily(NONSPACING_MARK_RUNS);

/** `(0x110000)`: 1 for what cleaning removes: controls, format characters, private use, U+0000 and U+FFFD. */
export const controls = lazily(CONTROL_RUNS);

/** `(0x110000)`: a number for each script, 0 for what goes with any. */
export const scripts = lazily(SCRIPT_RUNS);
