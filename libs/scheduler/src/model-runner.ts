/** The new tokens of one sequence in a step. */
export interface SequenceInput {
  readonly tokens: ArrayLike<number>;
  /** Position of the first of them; everything before is in the pages. */
  readonly startPosition: number;
  /** Page table, covering startPosition + tokens.length positions. Read while `step` is called, not after. */
  readonly pages: Int32Array;
  /** 0 to maxSequences - 1; no two sequences of a step share one, and a sequence keeps its own while it runs. */
  readonly slot: number;
  /** Which rows of logits are wanted. */
  readonly outputs: 'none' | 'last' | 'all';
}

/** What a step gives back: rows in the order of the batch, then of the tokens. The scheduler does not look at it. */
export interface StepOutput {
  readonly rows: number;
  /** `(rows, n_vocab)`, valid until the next step. */
  readonly logits: Float32Array;
}

/** What the scheduler has to know about the model that it plans for. */
export interface RunnerLimits {
  /** Tokens of one sequence, at most. */
  readonly contextLength: number;
  /** Tokens of one step, at most. */
  readonly maxBatchTokens: number;
  /** Sequences of one step, at most. */
  readonly maxSequences: number;
}

/** Whatever computes steps. The scheduler plans for it and never calls it: its owner takes a plan, runs it, and commits it. */
export interface ModelRunner {
  readonly info: RunnerLimits;
  step(batch: readonly SequenceInput[]): Promise<StepOutput>;
}
