/** A template comes with a model's file: foreign input. These bounds keep any of them from taking the program's time or memory. */
export interface Limits {
  /** Characters of a template's source. The longest in use have some 30,000. */
  readonly source: number;
  /** Blocks and brackets inside one another, where the template is read. A parser descends once for each. */
  readonly nesting: number;
  /** Calls inside one another (macros, recursive loops), and values inside one another: both recurse. */
  readonly depth: number;
  /** Nodes evaluated, items handled and values walked through (shown, compared, hashed) in one rendering. One of 100 messages with tools takes some 50,000. */
  readonly steps: number;
  /** Further steps for each pair of items of the longest list that is given: some templates look from each message at all before it. */
  readonly stepsPerPair: number;
  /** Steps with all of these, at most. */
  readonly mostSteps: number;
  /** Characters of the rendered text, and of any one string on the way to it. */
  readonly output: number;
  /** Bits of an integer: products and powers of larger ones take time that grows faster than they do. */
  readonly integerBits: number;
}

export const LIMITS: Limits = {
  source: 200_000,
  nesting: 100,
  depth: 200,
  steps: 8_000_000,
  stepsPerPair: 4,
  mostSteps: 80_000_000,
  output: 16_000_000,
  integerBits: 20_000,
};

/** Items of one `range`, as in Jinja's sandbox. */
export const MAX_RANGE = 100_000;

/** Characters that are built by one step: building text is charged by its length. */
export const CHARACTERS_PER_STEP = 32;

/** Characters that are read by one step, which is faster. */
export const CHARACTERS_READ_PER_STEP = 64;
