import { readJsonFixture } from '../../../../tools/fixtures/fixtures.js';
import type { TokenVocabulary } from './token-vocabulary.js';

/** The vocabulary of Llama 3 (128,256 tokens) from the golden data: byte-level pieces, 256 control tokens. */
export function llamaVocabulary(): TokenVocabulary {
  const pieces = readJsonFixture<Record<string, number>>('tokenizers', 'llama-bpe', 'vocab.json');
  const added = readJsonFixture<Record<string, number>>('tokenizers', 'llama-bpe', 'added_tokens.json');
  const byteOf = new Map(printableBytes().map((char, byte) => [char, byte]));
  const bytes: Uint8Array[] = Array.from(
    { length: Object.keys(pieces).length + Object.keys(added).length },
    () => new Uint8Array(0),
  );
  for (const [piece, id] of Object.entries(pieces))
    bytes[id] = Uint8Array.from(Array.from(piece), (char) => byteOf.get(char)!);
  const control = new Set(Object.values(added));
  const ends = new Set([added['<|end_of_text|>'], added['<|eot_id|>'], added['<|eom_id|>']]);
  return {
    size: bytes.length,
    bytesOf: (id) => bytes[id],
    isControl: (id) => control.has(id),
    isEndOfGeneration: (id) => ends.has(id),
    idOf: (text) => added[text] ?? pieces[text],
  };
}

/** The characters that byte-level vocabularies write bytes with: printable ones stand for themselves, the others follow from U+0100 on. */
function printableBytes(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
}
