/** How much the newest measurement counts. */
const WEIGHT = 0.25;

/** Steps of fewer tokens say little about what a token of many takes. */
const MANY_TOKENS = 32;

/** What the draft model's steps take. */
export class DraftCosts {
  /** Milliseconds of a round, by answers in it. */
  readonly #roundMs: (number | undefined)[] = [];
  #tokenMs: number | undefined;
  readonly #share: number;

  /** @param share its weights in those of the model that it drafts for: what is assumed until it was measured */
  constructor(share: number) {
    this.#share = share;
  }

  /** Milliseconds of a round in which so many answers get a draft each. @param stepMs what the model takes for one token of each */
  roundMs(answers: number, stepMs: number): number {
    for (let fewer = answers; fewer > 0; fewer--) {
      const known = this.#roundMs[fewer];
      if (known !== undefined) return known;
    }
    return this.#roundMs.find((ms) => ms !== undefined) ?? this.#share * stepMs;
  }

  /** Milliseconds to compute so many tokens that are known. */
  catchUpMs(tokens: number, stepMs: number): number {
    return tokens * (this.#tokenMs ?? (this.#share * stepMs) / 4);
  }

  /** A step of so many tokens of so many answers took so long. */
  stepped(answers: number, tokens: number, ms: number): void {
    if (!(ms > 0)) return;
    if (tokens >= MANY_TOKENS) this.#tokenMs = mixed(this.#tokenMs, ms / tokens);
    else if (tokens <= 4 * answers) this.#roundMs[answers] = mixed(this.#roundMs[answers], ms);
  }
}

const mixed = (before: number | undefined, now: number): number =>
  before === undefined ? now : before + WEIGHT * (now - before);
