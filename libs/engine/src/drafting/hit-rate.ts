/** So many outcomes are remembered in full; beyond, older ones count half. */
const MEMORY = 64;

/** How often something was right, with a guess that counts until more is known. */
export class HitRate {
  #hits: number;
  #all: number;

  /** @param guess 0 to 1; @param weight outcomes that the guess stands for */
  constructor(guess: number, weight: number) {
    this.#hits = guess * weight;
    this.#all = weight;
  }

  get value(): number {
    return this.#hits / this.#all;
  }

  note(isHit: boolean): void {
    this.#all++;
    if (isHit) this.#hits++;
    if (this.#all < MEMORY) return;
    this.#all /= 2;
    this.#hits /= 2;
  }
}
