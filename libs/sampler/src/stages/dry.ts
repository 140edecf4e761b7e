import type { Candidates } from '../candidates.js';
import type { DryBreakers } from '../dry-breakers.js';
import { logf } from '../exp.js';
import type { SamplerStage, StageState } from '../stage.js';
import { TokenWindow } from '../token-window.js';

const { fround, min, trunc } = Math;

/** The logarithm of the largest single-precision number. */
const LOG_OF_LARGEST = fround(88.7228391);
/** Below this, no power of the base overflows in any history. */
const SMALLEST_GROWING_BASE = fround(1.000001);

/** How DRY weighs tokens that would lengthen a repetition. */
export interface DrySettings {
  /** The penalty for a repetition one token longer than allowed... */
  readonly multiplier: number;
  /** ...times this for each further token. */
  readonly base: number;
  readonly allowedLength: number;
  /** How many tokens back, prompt included. */
  readonly lastN: number;
}

/**
 * "Don't repeat yourself": looks where the end of the history occurred before, and makes the token that followed there less
 * likely, the more, the longer the repetition. A repetition does not reach over a sequence breaker. (Weidmann, 2024; the lengths
 * by the Z algorithm, Gusfield, "Algorithms on strings, trees and sequences", 1997)
 */
export class DryStage implements SamplerStage {
  readonly name = 'dry';
  private window: TokenWindow;
  /** By distance from the end: how many tokens before (and with) the one there equal the end of the history. */
  private lengths = new Int32Array(0);
  /** By token: the longest repetition it would go on with. */
  private readonly longest = new Map<number, number>();
  private readonly largestExponent: number;

  constructor(
    private readonly settings: DrySettings,
    private readonly breakers: DryBreakers,
  ) {
    this.window = new TokenWindow(settings.lastN);
    this.largestExponent =
      settings.base > SMALLEST_GROWING_BASE ? trunc(fround(LOG_OF_LARGEST / logf(settings.base))) : 0;
  }

  accept(id: number): void {
    this.window.push(id);
  }

  apply(candidates: Candidates): void {
    const { allowedLength } = this.settings;
    if (this.window.length <= allowedLength) return;
    const limit = this.tokensSinceBreaker();
    if (limit < allowedLength) return;
    this.measureRepetitions(limit);
    this.findLongest();
    if (candidates.inVocabularyOrder) {
      for (const [id, length] of this.longest) if (id < candidates.size) this.penalize(candidates, id, length);
    } else {
      for (let i = 0; i < candidates.size; i++) {
        const length = this.longest.get(candidates.ids[i]);
        if (length !== undefined) this.penalize(candidates, i, length);
      }
    }
    candidates.sorted = false;
  }

  fork(): DryStage {
    const copy = new DryStage(this.settings, this.breakers);
    copy.window = this.window.fork();
    return copy;
  }

  save(): StageState {
    return { tokens: this.window.toArray() };
  }

  restore(state: StageState): void {
    this.window = new TokenWindow(this.settings.lastN);
    for (const id of state.tokens as readonly number[]) this.window.push(id);
  }

  /** How many tokens at the end of the history lie behind its last sequence breaker: no repetition is longer. */
  private tokensSinceBreaker(): number {
    const { window } = this;
    for (let back = 0; back < window.length; back++) {
      const tails = this.breakers.get(window.fromEnd(back));
      if (tails === undefined) continue;
      let longestTail = -1;
      for (const tail of tails) {
        if (tail.length <= longestTail || tail.length > back) continue;
        if (tail.every((id, i) => id === window.fromEnd(back - 1 - i))) longestTail = tail.length;
      }
      if (longestTail >= 0) return back - longestTail;
    }
    return window.length;
  }

  /**
   * Fills `lengths` by the Z algorithm, from the end backwards: [left, right] is the found repetition that reaches furthest back.
   * Lengths are cut to `limit` as they are found, as the reference does, which shortens what is copied from them too.
   */
  private measureRepetitions(limit: number): void {
    const { window } = this;
    const count = window.length;
    if (this.lengths.length < count) this.lengths = new Int32Array(count * 2);
    const { lengths } = this;
    lengths[0] = 0;
    let left = 0;
    let right = 0;
    for (let at = 1; at < count; at++) {
      if (at <= right && lengths[at - left] < right - at + 1) {
        lengths[at] = min(lengths[at - left], limit);
        continue;
      }
      let end = at > right ? at : right + 1;
      while (end < count && window.fromEnd(end) === window.fromEnd(end - at)) end++;
      lengths[at] = min(end - at, limit);
      if (end > at) {
        left = at;
        right = end - 1;
      }
    }
  }

  private findLongest(): void {
    const { window, lengths, longest } = this;
    longest.clear();
    for (let at = window.length - 1; at > 0; at--) {
      if (lengths[at] < this.settings.allowedLength) continue;
      const next = window.fromEnd(at - 1);
      if (lengths[at] > (longest.get(next) ?? -1)) longest.set(next, lengths[at]);
    }
  }

  private penalize({ logits, ids }: Candidates, index: number, length: number): void {
    if (this.breakers.get(ids[index])?.some((tail) => tail.length === 0)) return;
    const { multiplier, base, allowedLength } = this.settings;
    let exponent = length - allowedLength;
    if (this.largestExponent > 0 && exponent > this.largestExponent) exponent = this.largestExponent;
    logits[index] -= fround(multiplier * base ** exponent);
  }
}
