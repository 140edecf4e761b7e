/** The new tokens of one sequence in a step. */
export interface SequenceInput {
  readonly tokens: ArrayLike<number>;
  /** The position of tokens[0]; everything before it was computed by earlier steps into the same pages. */
  readonly startPosition: number;
  /** Page ids, covering at least startPosition + tokens.length positions. Read during the call of `step`, not after. */
  readonly pages: Int32Array;
  /** For models whose windowed layers have pages of their own: ids of those, by the same positions; -1 where a page slid out of the window. Read as `pages` are. */
  readonly windowPages?: Int32Array;
  /** 0..maxSequences-1: where recurrent state is kept; no two sequences of a step share one, and a sequence keeps its own while it runs. */
  readonly slot: number;
  /** Which of the tokens' rows are wanted. */
  readonly outputs: 'none' | 'last' | 'all';
  /**
   * For models with an encoder, the same in all steps of a sequence: how many of its tokens, from the first on, are read. They come in one step, and
   * have no logits. The decoder's are those that follow.
   */
  readonly encoderTokens?: number;
  /** Two texts in one: the number of the first token of the second, for models that tell them apart. Default: one text. */
  readonly secondFrom?: number;
  /** For heads that go on from another model's hidden states: one for each token, that of the token before it. Read during the call of `step`. */
  readonly hidden?: readonly Float32Array[];
  /** How much of each of the model's adapters is added, by their order there. Default: nothing. The same in all steps of a sequence. */
  readonly adapterScales?: ArrayLike<number>;
}

/** What a step gives back. The scheduler does not look at it. */
export interface StepOutput {
  /** Rows of logits: in the order of the batch, then of the tokens. */
  readonly rows: number;
  /** `(rows, n_vocab)`; belongs to the runner and is valid until its next step. */
  readonly logits: Float32Array;
}

/** What the scheduler has to know about the model that it plans for. */
export interface RunnerLimits {
  /** Tokens of one sequence, at most (prompt and answer together). */
  readonly contextLength: number;
  /** Rows (tokens) that one step takes, at most. */
  readonly maxBatchTokens: number;
  /** Sequences that one step takes, at most; slots are 0..maxSequences-1. */
  readonly maxSequences: number;
}

/** Whatever computes steps: the port that models implement. The scheduler plans for it and never calls it: `runSteps`, or its owner, takes a plan, runs it, and commits it. */
export interface ModelRunner {
  readonly info: RunnerLimits;
  /** Runs the tokens of a batch and gives the logits asked for. */
  step(batch: readonly SequenceInput[]): Promise<StepOutput>;
  /**
   * Milliseconds since it was asked last that steps stood still for others that compute on the same cores: nobody is charged for them.
   * Absent: they never do.
   */
  takeWaitedMs?(): number;
}
