import type { Tokenizer } from '@starling/tokenizer';
import type { SampleResult } from './generate-types.js';

/**
 * The tokens of an answer's text: without the token that ended it, and without the stop string. Where a token holds the end of the text
 * and the beginning of the stop string, what it holds of the text is tokenized anew.
 */
export function shownTokens(
  { tokens, text, stopReason }: Pick<SampleResult, 'tokens' | 'text' | 'stopReason'>,
  tokenizer: Tokenizer,
  showsSpecial: boolean,
): number[] {
  if (stopReason.kind === 'end_of_generation') return tokens.slice(0, -1);
  if (stopReason.kind !== 'stop_string') return [...tokens];
  const bytes = new TextEncoder().encode(text);
  let count = 0;
  let at = 0;
  for (; count < tokens.length; count++) {
    const id = tokens[count];
    const length =
      showsSpecial && tokenizer.isControl(id)
        ? new TextEncoder().encode(tokenizer.tokenText(id)).length
        : tokenizer.tokenBytes(id).length;
    if (at + length > bytes.length) break;
    at += length;
  }
  const shown = tokens.slice(0, count);
  return at === bytes.length ? shown : [...shown, ...tokenizer.encode(new TextDecoder().decode(bytes.subarray(at)))];
}
