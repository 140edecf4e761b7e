/** Tokens that are expected to follow. They change what steps compute, never what comes: each is taken only where it is what was chosen. */
export interface Draft {
  readonly tokens: ArrayLike<number>;
  /** How likely it is that all drafts up to and with each are right: one for each token, falling. */
  readonly chances: ArrayLike<number>;
}
