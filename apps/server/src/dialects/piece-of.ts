import type { Tokenizer } from '@starling/tokenizer';

/** What a token adds to a text; its bytes where they are no text alone; a control token's own name. */
export function pieceOf(tokenizer: Tokenizer, id: number): string | number[] {
  if (tokenizer.isControl(id)) return tokenizer.tokenText(id);
  const bytes = tokenizer.tokenBytes(id);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes);
  }
}
