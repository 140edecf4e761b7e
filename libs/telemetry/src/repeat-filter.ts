export interface RepeatFilterOptions {
  /** Lines of one kind that are written in an interval. Default 10. */
  readonly limit?: number;
  /** Milliseconds. Default 10,000. */
  readonly intervalMs?: number;
  /** Milliseconds, monotonic. Default `performance.now`. */
  readonly clock?: () => number;
}

/** Kinds that are told apart at most: a kind beyond them begins anew. */
const KINDS = 1000;

/** Keeps a log readable, and a disk from filling, where the same happens again and again: of each kind of line so many in an interval, and then how many were left out. */
export class RepeatFilter {
  readonly #limit: number;
  readonly #intervalMs: number;
  readonly #clock: () => number;
  readonly #kinds = new Map<string, { since: number; written: number; skipped: number }>();

  constructor({ limit = 10, intervalMs = 10_000, clock = () => performance.now() }: RepeatFilterOptions = {}) {
    this.#limit = limit;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
  }

  /** Whether a line of this kind is to be written, and how many like it were left out since the last one that was; undefined: it is left out. */
  admit(kind: string): { readonly skipped: number } | undefined {
    const now = this.#clock();
    let counts = this.#kinds.get(kind);
    if (counts === undefined || now - counts.since >= this.#intervalMs) {
      if (counts === undefined && this.#kinds.size >= KINDS) this.#kinds.clear();
      const skipped = counts?.skipped ?? 0;
      counts = { since: now, written: 0, skipped };
      this.#kinds.set(kind, counts);
    }
    if (counts.written >= this.#limit) {
      counts.skipped++;
      return undefined;
    }
    counts.written++;
    const { skipped } = counts;
    counts.skipped = 0;
    return { skipped };
  }
}
