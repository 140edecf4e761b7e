import { StarlingError } from '@starling/core';
import { textOf, textStreamOf } from '../answer-text.js';
import type { DonePart, GeneratePart, Generation } from '../generate-types.js';
import { UNREAD } from '../unread.js';
import { WebAnswer } from './web-answer.js';

/**
 * An answer under way in the worker, read as a `Generation` of the model there is. A request that is refused rejects the loops, `result()` and
 * `prompt()`: the page learns of it a moment later.
 */
export class WebGeneration
  extends WebAnswer<GeneratePart>
  implements Omit<Generation, 'id' | 'promptTokens' | 'promptText' | 'promptLogprobList'>
{
  /** @internal */
  constructor(cancel: () => void) {
    super(UNREAD, cancel);
  }

  /** Reads all parts and gives the last. */
  async result(): Promise<DonePart> {
    for await (const part of this) if (part.kind === 'done') return part;
    throw new StarlingError('internal', 'a generation ended without a last part');
  }

  /** The text of the first answer as it comes, whole characters at a time. */
  text(): AsyncIterable<string> {
    return textOf(this.log);
  }

  /** The same as a web stream. Cancelling it is leaving the loop. */
  textStream(): ReadableStream<string> {
    return textStreamOf(this.log);
  }
}
