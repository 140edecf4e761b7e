import { logProbabilities, type SampledToken } from '@starling/sampler';
import type { Tokenizer } from '@starling/tokenizer';
import type { TokenRow } from './token-rows.js';
import type { DrawnToken, TokenDraw, TokenLogprobs, TokenProbability } from './generate-types.js';

const utf8 = new TextDecoder();

/** How likely a token was under a row of logits `(n_vocab)`, and the `count` most likely ones, with their texts. */
export function tokenLogprobs(logits: Float32Array, id: number, count: number, tokenizer: Tokenizer): TokenLogprobs {
  const { logProbability, rank, top } = logProbabilities(logits, id, count);
  const described = (token: number, logprob: number): TokenProbability => ({ ...textOf(token, tokenizer), logprob });
  return { ...described(id, logProbability), rank, top: top.map((one) => described(one.id, one.logProbability)) };
}

/** What was said of tokens, as it is kept. */
export const rowOfLogprobs = ({ id, logprob, rank, top }: TokenLogprobs): TokenRow => ({
  id,
  score: logprob,
  rank,
  others: top.map((one) => ({ id: one.id, score: one.logprob })),
});

/** What is kept, in words again: the same as `tokenLogprobs` said. */
export function logprobsOfRow({ id, score, rank, others }: TokenRow, tokenizer: Tokenizer): TokenLogprobs {
  const described = (token: number, logprob: number): TokenProbability => ({ ...textOf(token, tokenizer), logprob });
  return { ...described(id, score), rank, top: others.map((one) => described(one.id, one.score)) };
}

/** The same for what tokens were drawn from. */
export const rowOfDraw = ({ id, probability, candidates }: TokenDraw): TokenRow => ({
  id,
  score: probability,
  rank: 0,
  others: candidates.map((one) => ({ id: one.id, score: one.probability })),
});

export function drawOfRow({ id, score, others }: TokenRow, tokenizer: Tokenizer): TokenDraw {
  const described = (token: number, probability: number): DrawnToken => ({ ...textOf(token, tokenizer), probability });
  return { ...described(id, score), candidates: others.map((one) => described(one.id, one.score)) };
}

/** What a token was drawn from, in words. What a grammar put in the place of the drawn token was certain. */
export function tokenDraw(
  { id, probability, candidates = [] }: SampledToken,
  taken: number,
  tokenizer: Tokenizer,
): TokenDraw {
  const described = (token: number, likely: number): DrawnToken => ({
    ...textOf(token, tokenizer),
    probability: likely,
  });
  if (taken !== id) return { ...described(taken, 1), candidates: [described(taken, 1)] };
  return {
    ...described(id, probability),
    candidates: candidates.filter((one) => one.probability > 0).map((one) => described(one.id, one.probability)),
  };
}

function textOf(token: number, tokenizer: Tokenizer): Omit<TokenProbability, 'logprob'> {
  const bytes = tokenizer.tokenBytes(token);
  return { id: token, text: tokenizer.isControl(token) ? tokenizer.tokenText(token) : utf8.decode(bytes), bytes };
}
