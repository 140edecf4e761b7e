import { limitReached } from '../error.js';
import { CHARACTERS_PER_STEP, CHARACTERS_READ_PER_STEP, type Limits } from '../limits.js';
import { Str } from '../values/str.js';
import type { Value } from '../values/value.js';

/** What one rendering has used of its limits. */
export class Budget {
  private steps = 0;
  private depth = 0;
  private readonly most: number;

  /** @param longest items of the longest list that is given */
  constructor(
    readonly limits: Limits,
    longest = 0,
  ) {
    this.most = Math.max(limits.steps, Math.min(limits.mostSteps, limits.steps + limits.stepsPerPair * longest ** 2));
  }

  /** Counts work. @throws TemplateFailure limit */
  spend(steps = 1): void {
    this.steps += steps;
    if (this.steps > this.most) throw limitReached('steps', `a rendering may take ${this.most} steps`);
  }

  /** Counts text that is added to another, which then has `total` characters. @throws TemplateFailure limit */
  written(characters: number, total: number): void {
    this.text(characters);
    if (total > this.limits.output) this.text(total);
  }

  /** Counts text that is built. @throws TemplateFailure limit */
  text(characters: number): void {
    if (characters > this.limits.output)
      throw limitReached('output', `a text may have ${this.limits.output} characters`);
    this.spend(1 + Math.floor(characters / CHARACTERS_PER_STEP));
  }

  /** Counts texts that are joined: the longest of them is not copied. @throws TemplateFailure limit */
  joined(parts: readonly Str[]): void {
    const lengths = parts.map(({ text }) => text.length);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    this.written(total - Math.max(0, ...lengths), total);
  }

  /** Counts that a value is looked at, which takes time where it is a long text. @throws TemplateFailure limit */
  read(value: Value): void {
    if (value instanceof Str && value.text.length >= CHARACTERS_READ_PER_STEP)
      this.spend(Math.floor(value.text.length / CHARACTERS_READ_PER_STEP));
  }

  /** One level further inside. */
  nested<T>(run: () => T): T {
    if (++this.depth > this.limits.depth)
      throw limitReached('depth', `calls and values may be ${this.limits.depth} deep`);
    try {
      return run();
    } finally {
      this.depth--;
    }
  }

  /** @throws TemplateFailure limit */
  integer(value: bigint): bigint {
    const bound = 1n << BigInt(this.limits.integerBits);
    if (value > bound || value < -bound)
      throw limitReached('integerBits', `an integer may have ${this.limits.integerBits} bits`);
    return value;
  }
}
