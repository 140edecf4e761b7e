import { StarlingError } from '@starling/core';
import { textOf, textStreamOf } from '../answer-text.js';
import type { DonePart, GeneratePart, Generation } from '../generate-types.js';
import { PartLog } from '../part-log.js';
import { UNREAD } from '../unread.js';
import type { WebPrompt } from './messages.js';

/**
 * An answer under way in the worker, read as a `Generation` of the model there is. A request that is refused rejects the loops, `result()` and
 * `prompt()`: the page learns of it a moment later.
 */
export class WebGeneration implements Omit<Generation, 'id' | 'promptTokens' | 'promptText' | 'promptLogprobList'> {
  readonly #log: PartLog<GeneratePart>;
  readonly #cancel: () => void;
  readonly #begun: Promise<WebPrompt>;
  #tell: { readonly begun: (prompt: WebPrompt) => void; readonly failed: (error: StarlingError) => void } | undefined;

  /** @internal */
  constructor(cancel: () => void) {
    this.#cancel = cancel;
    this.#log = new PartLog<GeneratePart>(UNREAD, () => this.cancel());
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

  [Symbol.asyncIterator](): AsyncIterator<GeneratePart> {
    return this.#log[Symbol.asyncIterator]();
  }

  /** Reads all parts and gives the last. */
  async result(): Promise<DonePart> {
    for await (const part of this.#log) if (part.kind === 'done') return part;
    throw new StarlingError('internal', 'a generation ended without a last part');
  }

  /** The text of the first answer as it comes, whole characters at a time. */
  text(): AsyncIterable<string> {
    return textOf(this.#log);
  }

  /** The same as a web stream. Cancelling it is leaving the loop. */
  textStream(): ReadableStream<string> {
    return textStreamOf(this.#log);
  }

  /** @internal */
  begun(prompt: WebPrompt): void {
    this.#tell?.begun(prompt);
  }

  /** Takes a part; settles when there is room for the next. @internal */
  take(part: GeneratePart): Promise<void> {
    this.#log.push(part);
    return this.#log.room();
  }

  /** @internal */
  over(error?: StarlingError): void {
    if (error) {
      this.#tell?.failed(error);
      this.#log.fail(error);
    } else this.#log.close();
  }
}
