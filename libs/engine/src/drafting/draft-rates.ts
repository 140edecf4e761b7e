import { HitRate } from './hit-rate.js';

/** How sure the draft model is of a token: the upper ends of the classes that are told apart. */
const CLASSES = [0.3, 0.5, 0.7, 0.85, 0.95, Infinity];

/** How often tokens of each class are what comes, before anything is known of it; and of any. */
const GUESSES = [0.2, 0.4, 0.55, 0.7, 0.85, 0.95];
const ANY_GUESS = 0.7;

/** Outcomes that a guess stands for. */
const GUESS_WEIGHT = 4;

/** How often a draft model's tokens are those that come, by how sure it was of them: what it says of itself holds for its own text, not for another model's. */
export class DraftRates {
  readonly #classes: readonly HitRate[];
  readonly #any: HitRate;

  /** @param before what is known of other texts; an answer begins with that */
  constructor(before?: DraftRates) {
    this.#classes = GUESSES.map((guess, i) => new HitRate(before ? before.#classes[i].value : guess, GUESS_WEIGHT));
    this.#any = new HitRate(before?.next ?? ANY_GUESS, GUESS_WEIGHT);
  }

  /** Of a token that is not drafted yet. */
  get next(): number {
    return this.#any.value;
  }

  /** Of a token that the model gave this chance. */
  of(chance: number): number {
    return this.#classOf(chance).value;
  }

  note(chance: number, isHit: boolean): void {
    this.#classOf(chance).note(isHit);
    this.#any.note(isHit);
  }

  #classOf(chance: number): HitRate {
    return this.#classes[CLASSES.findIndex((end) => chance < end)];
  }
}
