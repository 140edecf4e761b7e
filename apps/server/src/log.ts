/** Writes log lines: facts first, then a short text. */
export interface RequestLog {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

/** A log, and logs of parts of it. */
export interface Logger extends RequestLog {
  /** A log whose lines carry these facts too. */
  child(facts: Record<string, unknown>): Logger;
}
