import { logProbabilities } from '@starling/sampler';
import type { Tokenizer } from '@starling/tokenizer';
import type { TokenLogprobs, TokenProbability } from './generate-types.js';

const utf8 = new TextDecoder();

/** How likely a token was under a row of logits `(n_vocab)`, and the `count` most likely ones, with their texts. */
export function tokenLogprobs(logits: Float32Array, id: number, count: number, tokenizer: Tokenizer): TokenLogprobs {
  const { logProbability, rank, top } = logProbabilities(logits, id, count);
  const described = (token: number, logprob: number): TokenProbability => {
    const bytes = tokenizer.tokenBytes(token);
    return { id: token, text: tokenizer.isControl(token) ? tokenizer.tokenText(token) : utf8.decode(bytes), bytes, logprob };
  };
  return { ...described(id, logProbability), rank, top: top.map((one) => described(one.id, one.logProbability)) };
}
