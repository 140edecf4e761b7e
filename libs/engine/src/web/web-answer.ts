import type { StarlingError } from '@starling/core';
import { PartLog, type LogLimits } from '../part-log.js';
import type { WebPrompt } from './messages.js';

/** An answer under way in the worker, as its parts come to the page. What is refused rejects the loops, and `prompt()`. */
export class WebAnswer<Part> implements AsyncIterable<Part> {
  protected readonly log: PartLog<Part>;
  readonly #cancel: () => void;
  readonly #begun: Promise<WebPrompt>;
  #tell: { readonly begun: (prompt: WebPrompt) => void; readonly failed: (error: StarlingError) => void } | undefined;

  /** @internal */
  constructor(limits: LogLimits<Part>, cancel: () => void) {
    this.#cancel = cancel;
    this.log = new PartLog<Part>(limits, () => this.cancel());
    this.#begun = new Promise((begun, failed) => (this.#tell = { begun, failed }));
    // Who does not ask for the prompt learns of a refusal elsewhere.
    this.#begun.catch(() => undefined);
  }

  /** Ends it at the next step, as `cancelled`; does nothing when it is over. */
  cancel(): void {
    this.#cancel();
  }

  /** The prompt as the model gets it, known once the request is queued. */
  prompt(): Promise<WebPrompt> {
    return this.#begun;
  }

  [Symbol.asyncIterator](): AsyncIterator<Part> {
    return this.log[Symbol.asyncIterator]();
  }

  /** @internal */
  begun(prompt: WebPrompt): void {
    this.#tell?.begun(prompt);
  }

  /** Takes a part; settles when there is room for the next. @internal */
  take(part: Part): Promise<void> {
    this.log.push(part);
    return this.log.room();
  }

  /** @internal */
  over(error?: StarlingError): void {
    if (error) {
      this.#tell?.failed(error);
      this.log.fail(error);
    } else this.log.close();
  }
}
