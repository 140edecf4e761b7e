import { maskAllows } from '../match/token-mask.js';
import { END, randomSource } from '../match/fake-vocabulary.test-support.js';
import { GrammarMatcher } from '../match/grammar-matcher.js';
import type { GrammarIndex } from '../match/grammar-index.js';
import type { Grammar } from '../machine/grammar.js';

/** Bytes that bring a value to its end, the best first; tried when a walk has become long. */
const CLOSING = Array.from('"}]:, 0n1tfue-lrs', (char) => char.charCodeAt(0));
/** What may have to stand before the rest of a valid text. */
const BRIDGES = ['', ',', '"', ':', '":0,', '0,', '":0', '0'];
const MAX_STEPS = 400;

/**
 * An output made of tokens drawn evenly from the masks; from `length` tokens on, it heads for the end: with the end of one of the
 * `endings`, valid texts, where one fits. Every mask is compared with `accepts` for some tokens. Throws if the walk does not end.
 */
export function randomWalk(
  grammar: Grammar,
  index: GrammarIndex,
  seed: number,
  length: number,
  endings: readonly string[],
): string {
  const random = randomSource(seed);
  const matcher = new GrammarMatcher(grammar, index);
  const { size } = index.vocabulary;
  const bytes: number[] = [];
  for (let step = 0; step < MAX_STEPS; step++) {
    const mask = matcher.mask();
    for (let i = 0; i < 3; i++) {
      const id = Math.floor(random() * size);
      if (maskAllows(mask, id) !== matcher.accepts(id))
        throw new RangeError(`mask and accepts differ for token ${id} after ${text(bytes)}`);
    }
    const allowed: number[] = [];
    for (let id = 0; id < size; id++) if (maskAllows(mask, id)) allowed.push(id);
    let next = allowed[Math.floor(random() * allowed.length)];
    if (step >= length) {
      if (allowed.includes(END)) next = END;
      else {
        const ending = fittingEnd(matcher, allowed, endings);
        if (ending) return text([...bytes, ...ending]);
        if (random() < 0.9) next = CLOSING.find((byte) => allowed.includes(byte)) ?? next;
      }
    }
    if (next === END) return text(bytes);
    matcher.advance(next);
    bytes.push(...index.vocabulary.bytesOf(next));
  }
  throw new RangeError(`the walk did not end: ${new TextDecoder().decode(Uint8Array.from(bytes)).slice(0, 500)}`);
}

/** The last bytes of a text that lead from here to an end. */
function fittingEnd(
  matcher: GrammarMatcher,
  allowed: readonly number[],
  endings: readonly string[],
): Uint8Array | undefined {
  for (const ending of endings) {
    for (let start = 0; start < ending.length; start++) {
      for (const bridge of BRIDGES) {
        const first = (bridge || ending).charCodeAt(bridge ? 0 : start);
        if (first < 0x80 && !allowed.includes(first)) continue;
        const rest = new TextEncoder().encode(bridge + ending.slice(start));
        const trial = matcher.fork();
        if (rest.every((byte) => trial.accepts(byte) && (trial.advance(byte), true)) && trial.canEnd) return rest;
      }
    }
  }
  return undefined;
}

function text(bytes: readonly number[]): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
}

/** The value with the keys of all its objects in another order. */
export function shuffleKeys(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffleKeys(item, random));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => ({ key, one: shuffleKeys(one, random), rank: random() }));
  return Object.fromEntries(entries.sort((a, b) => a.rank - b.rank).map(({ key, one }) => [key, one]));
}
