import { GrammarIndex, GrammarMatcher, maskAllows, type Grammar } from '@starling/grammar';

const encoder = new TextEncoder();
const END = 256;
/** Tags as vocabularies have them, and pieces of prose and JSON. */
const PIECES = [
  '<tool_call>',
  '</tool_call>',
  '[TOOL_CALLS]',
  '[ARGS]',
  '<|tool_call_begin|>',
  '<|tool_calls_section_begin|>',
  '<|tool_call_argument_begin|>',
  '<|tool_call_end|>',
  '<|open|>',
  '<|close|>',
  '<|sep|>',
  '<|"|>',
  '<think>',
  '</think>',
  '｜DSML｜',
];
const TEXTS = [
  '{"',
  '"}',
  '": "',
  '", "',
  'name',
  'arguments',
  '\n',
  '\n\n',
  ' the',
  'é',
  '日本',
  '</',
  '">',
  'true',
  '12',
  '0.5',
  ' ',
  "'",
  ', ',
];
const tokens = [
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  new Uint8Array(),
  ...[...PIECES, ...TEXTS].map((text) => encoder.encode(text)),
];

/** A vocabulary of all bytes, control tokens with the texts of tags, and some pieces. */
const index = new GrammarIndex({
  size: tokens.length,
  bytesOf: (id) => tokens[id],
  isControl: (id) => id >= END && id <= END + PIECES.length,
  isEndOfGeneration: (id) => id === END,
  idOf: (text) => (PIECES.includes(text) ? END + 1 + PIECES.indexOf(text) : undefined),
});

/** A small generator of random numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An output made of `length` tokens drawn evenly from those that a grammar allows, and of its shortest end then. */
export function randomWalk(grammar: Grammar, random: () => number, length: number): string {
  const matcher = new GrammarMatcher(grammar, index);
  const bytes: number[] = [];
  const take = (id: number): void => {
    matcher.advance(id);
    bytes.push(...tokens[id]);
  };
  for (let step = 0; step < length && !matcher.isDone; step++) {
    const mask = matcher.mask();
    const allowed = tokens.flatMap((_, id) => (maskAllows(mask, id) ? [id] : []));
    // Pieces are drawn as often as bytes, which are many.
    const pieces = allowed.filter((id) => id > END);
    const from = pieces.length > 0 && random() < 0.5 ? pieces : allowed;
    const id = from[Math.floor(random() * from.length)];
    if (id === END) return textOf(bytes);
    take(id);
  }
  const ending = matcher.ending(2_000);
  if (ending === undefined)
    throw new RangeError(`no end is found: ${new TextDecoder().decode(Uint8Array.from(bytes))}`);
  for (const id of ending) if (id !== END) take(id);
  return textOf(bytes);
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
}
