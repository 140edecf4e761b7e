import type { Generation, SampleResult, TokenLogprobs } from '@starling/engine';
import type { Tokenizer } from '@starling/tokenizer';
import { finite } from '../finite-logprob.js';
import { finishReasonOf } from './chat-bodies.js';

/** A token of an answer or of an echoed prompt; a prompt's first has no probability. */
export interface ScoredToken {
  readonly text: string;
  readonly entry?: TokenLogprobs;
}

/** Log-probabilities in the older form: parallel lists. */
export function completionLogprobs(tokens: readonly ScoredToken[], startOffset: number): object {
  const offsets: number[] = [];
  let offset = startOffset;
  for (const { text } of tokens) {
    offsets.push(offset);
    offset += text.length;
  }
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ entry }) => (entry === undefined ? null : finite(entry.logprob))),
    top_logprobs: tokens.map(({ entry }) => (entry === undefined ? null : topOf(entry))),
    text_offset: offsets,
  };
}

/** The most likely tokens by text, and behind them the token itself where it is none of them. Of two with the same text the likelier one counts. */
function topOf({ top, ...own }: TokenLogprobs): Record<string, number> {
  const named = new Map<string, number>();
  for (const { text, logprob } of [...top, own]) if (!named.has(text)) named.set(text, finite(logprob));
  return Object.fromEntries(named);
}

/** The tokens of a prompt, for `echo`; undefined where no log-probabilities were asked for. */
export function promptTokensOf(
  tokenizer: Tokenizer,
  { promptTokens, promptLogprobList: entries }: Generation,
): ScoredToken[] | undefined {
  if (entries === undefined) return undefined;
  return Array.from(promptTokens, (id, i) => {
    const entry = entries.at(i);
    return { text: entry?.text ?? tokenizer.decode([id]), entry };
  });
}

/** Characters of tokens, as offsets count them. */
export const lengthOf = (tokens: readonly ScoredToken[]): number =>
  tokens.reduce((sum, { text }) => sum + text.length, 0);

export function choiceBody(
  index: number,
  text: string,
  logprobs: object | null,
  finishReason: SampleResult['finishReason'] | null,
): object {
  return { text, index, logprobs, finish_reason: finishReason === null ? null : finishReasonOf(finishReason) };
}
