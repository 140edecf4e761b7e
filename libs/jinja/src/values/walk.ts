import { limitReached } from '../error.js';
import { CHARACTERS_READ_PER_STEP } from '../limits.js';

/** Values inside values. */
const MAX_DEPTH = 200;

/** Steps for a value that is copied or written as text: objects are made for it. */
const STEPS_PER_COPY = 4;

/** What counts the work of walks through values. */
export interface Meter {
  /** @throws TemplateFailure limit */
  spend(steps: number): void;
  /** Counts text that is added to another, which then has `total` characters. @throws TemplateFailure limit */
  written(characters: number, total: number): void;
}

/**
 * The meter of the rendering that is going on. Walks begin in many places, also inside a dict that looks for a key, and none may go
 * uncounted: a value whose parts are shared takes a time that doubles with each level. Nothing of a rendering waits, so one is enough.
 */
let current: Meter | undefined;

/** Runs with each walk through a value counted. */
export function metered<T>(meter: Meter, run: () => T): T {
  const outer = current;
  current = meter;
  try {
    return run();
  } finally {
    current = outer;
  }
}

/** Counts a value that a walk comes to, so deep inside the first. @throws TemplateFailure limit */
export function visit(depth: number, steps = 1): void {
  if (depth > MAX_DEPTH) throw limitReached('depth', `values may be ${MAX_DEPTH} deep`);
  current?.spend(steps);
}

/** The same for a value of which a copy is made. @throws TemplateFailure limit */
export function visitForCopy(depth: number): void {
  visit(depth, STEPS_PER_COPY);
}

/** Counts characters that are compared. @throws TemplateFailure limit */
export function look(characters: number): void {
  if (characters >= CHARACTERS_READ_PER_STEP) current?.spend(Math.floor(characters / CHARACTERS_READ_PER_STEP));
}

/** The text that one walk makes: counted before it is joined, so that a value cannot grow to more than a text may have. */
export class Written {
  private total = 0;

  /** @throws TemplateFailure limit */
  add(characters: number): void {
    this.total += characters;
    current?.written(characters, this.total);
  }
}
