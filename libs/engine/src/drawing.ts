import type { SequenceHandle } from '@starling/scheduler';
import type { Breather } from './breather.js';
import { choiceError } from './broken-logits.js';
import type { TokenPart } from './generate-types.js';
import type { DrawnToken, SampleRun } from './sample-run.js';

/** A token of a sample that is being drawn: where its answer has a form, working out what may come can take long. */
export class Drawing {
  readonly #sample: SampleRun;
  readonly #row: Float32Array;
  readonly #request: string;
  readonly #steps: Generator<undefined, DrawnToken>;

  /** @param logits valid until the step that they are of is done: they are kept where the drawing may last longer */
  constructor(sample: SampleRun, logits: Float32Array, request: string) {
    this.#sample = sample;
    this.#row = sample.mayTakeLong ? sample.kept(logits) : logits;
    this.#request = request;
    this.#steps = sample.draw(this.#row);
  }

  /**
   * Goes on until the token is known and taken.
   * @param isOver asked at stops: whether it is to be gone on with some other time
   * @returns undefined if the sequence has ended meanwhile
   * @throws StarlingError internal if the model has computed no numbers to choose by; unprocessable if no token may come
   */
  async goOn(
    sequence: SequenceHandle,
    breather: Breather,
    isOver: () => boolean = () => false,
  ): Promise<TokenPart | 'later' | undefined> {
    try {
      let step = this.#steps.next();
      for (; step.done !== true; step = this.#steps.next()) {
        if (!breather.isDue) continue;
        await breather.pause();
        if (sequence.state === 'ended') return undefined;
        if (isOver()) return 'later';
      }
      return this.#sample.take(step.value, this.#row);
    } catch (error) {
      const { sample, tokens } = this.#sample;
      throw choiceError(error, this.#row, { request: this.#request, sample, token: tokens.length });
    }
  }
}
