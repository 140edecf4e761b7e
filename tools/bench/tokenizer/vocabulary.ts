import { tokenizerFromGguf, type Tokenizer } from '@starling/tokenizer';

/** The 256 bytes as the characters that byte-level vocabularies write for them. */
function byteAlphabet(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** The two parts that merging by rank leaves of a token before its last merge. */
function lastMerge(token: string, rankOf: ReadonlyMap<string, number>): [string, string] {
  const rank = rankOf.get(token)!;
  const parts = [...token];
  while (parts.length > 2) {
    let best = -1;
    let bestRank = rank;
    for (let i = 0; i + 1 < parts.length; i++) {
      const candidate = rankOf.get(parts[i] + parts[i + 1]) ?? Infinity;
      if (candidate < bestRank) [best, bestRank] = [i, candidate];
    }
    parts.splice(best, 2, parts[best] + parts[best + 1]);
  }
  return [parts[0], parts[1]];
}

/** Our tokenizer over cl100k's ranks, as js-tiktoken has them: lines of "!", first rank, then tokens in base 64. */
export function tokenizerOfRanks(ranks: string): Tokenizer {
  const alphabet = byteAlphabet();
  const tokens: string[] = [];
  for (const line of ranks.split('\n').filter(Boolean)) {
    const [, first, ...encoded] = line.split(' ');
    encoded.forEach(
      (token, i) =>
        (tokens[Number(first) + i] = Array.from(Buffer.from(token, 'base64'), (byte) => alphabet[byte]).join('')),
    );
  }
  const rankOf = new Map(tokens.map((token, rank) => [token, rank]));
  const merges = tokens.filter((token) => token.length > 1).map((token) => lastMerge(token, rankOf).join(' '));
  return tokenizerFromGguf(
    new Map<string, unknown>([
      ['tokenizer.ggml.model', 'gpt2'],
      ['tokenizer.ggml.pre', 'llama-bpe'],
      ['tokenizer.ggml.tokens', tokens],
      ['tokenizer.ggml.merges', merges],
      ['tokenizer.ggml.add_bos_token', false],
    ]),
  );
}
