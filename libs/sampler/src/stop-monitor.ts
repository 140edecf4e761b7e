/** What of the pushed text may be shown, and the stop string that came up, if one did. */
export interface StopCheck {
  readonly emit: string;
  readonly stopped?: string;
}

/**
 * Finds stop strings in text that comes in pieces. Text that may be the beginning of a stop string is held back until it is clear:
 * the stop string itself is never emitted, and what turns out not to be one is never lost.
 *
 * Invariant: what was emitted, then `held`, is what was pushed (up to the stop string); `held` is the longest end of it that begins a
 * stop string without being one.
 */
export class StopMonitor {
  private readonly stopStrings: readonly string[];
  private held = '';
  private stopped: string | undefined;

  /** Empty stop strings are ignored. */
  constructor(stopStrings: readonly string[]) {
    this.stopStrings = stopStrings.filter((text) => text !== '');
  }

  /** Adds text. Of several stop strings the one that begins first stops, and of those that begin at the same place the one listed first. */
  push(text: string): StopCheck {
    if (this.stopped !== undefined) return { emit: '', stopped: this.stopped };
    const pending = this.held + text;
    let stopAt = pending.length;
    for (const stopString of this.stopStrings) {
      const at = pending.indexOf(stopString);
      if (at >= 0 && at < stopAt) {
        stopAt = at;
        this.stopped = stopString;
      }
    }
    if (this.stopped !== undefined) {
      this.held = '';
      return { emit: pending.slice(0, stopAt), stopped: this.stopped };
    }
    const heldLength = this.stopStrings.reduce(
      (longest, stopString) => Math.max(longest, overlap(pending, stopString)),
      0,
    );
    this.held = pending.slice(pending.length - heldLength);
    return { emit: pending.slice(0, pending.length - heldLength) };
  }

  /** The text that was held back, when no more will come. */
  flush(): string {
    const rest = this.held;
    this.held = '';
    return rest;
  }

  fork(): StopMonitor {
    const copy = new StopMonitor(this.stopStrings);
    copy.held = this.held;
    copy.stopped = this.stopped;
    return copy;
  }
}

/** The length of the longest end of `text` that `stopString` begins with, without being all of it. */
function overlap(text: string, stopString: string): number {
  for (let length = Math.min(text.length, stopString.length - 1); length > 0; length--) {
    if (text.endsWith(stopString.slice(0, length))) return length;
  }
  return 0;
}
