/** At least so many entries of a form show that a vocabulary was trained on such pieces; fewer may be accidents. */
const EVIDENCE = 20;

/**
 * Which pre-tokenizer a byte-level vocabulary was trained with. The classic file pair does not say, but the entries show it: pieces that
 * a pre-tokenizer never makes are not among them.
 */
export function guessPreTokenizer(entries: readonly (string | undefined)[]): string {
  const count = (pattern: RegExp): number => {
    let found = 0;
    for (const entry of entries) if (entry !== undefined && pattern.test(entry)) found++;
    return found;
  };
  // cl100k and its heirs let one sign go before letters: "(int", ".get".
  const signsWithLetters = count(/^[!-/:-@[-`{-~][A-Za-z]{2,}$/) >= EVIDENCE * 5;
  if (!signsWithLetters) return count(/^(\u0120?\d{2,})$/) >= EVIDENCE ? 'gpt-2' : 'starcoder';
  const longestDigits = count(/^\d{4,}$/) >= EVIDENCE ? 4 : count(/^\d{3}$/) >= EVIDENCE ? 3 : 1;
  // o200k keeps short forms with their words: "Ġdon't", "'s" behind letters.
  if (count(/^\u0120?[A-Za-z]+'(?:s|t|re|ve|m|ll|d)$/) >= EVIDENCE) return 'gpt-4o';
  return longestDigits >= 3 ? 'llama-bpe' : 'qwen2';
}
