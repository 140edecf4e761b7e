/**
 * The set of tokens that may come next: bit `id & 31` of word `id >>> 5` is set when token `id` is allowed.
 * A mask is shared and never changed after it was handed out.
 */
export interface TokenMask {
  /** (ceil(vocabSize / 32)) words; bits from `vocabSize` on are 0. */
  readonly words: Uint32Array;
  readonly vocabSize: number;
}

/** Whether a mask allows a token; false for ids outside of the vocabulary. */
export function maskAllows(mask: TokenMask, id: number): boolean {
  return id >= 0 && id < mask.vocabSize && ((mask.words[id >>> 5] >>> (id & 31)) & 1) === 1;
}

/** How many tokens a mask allows. */
export function maskCount(mask: TokenMask): number {
  let count = 0;
  for (let word of mask.words) for (; word !== 0; word &= word - 1) count++;
  return count;
}
