import { maskAllows, type GrammarMatcher, type TokenMask } from '@starling/grammar';

/** Characters that may come next: from the first code point to the last; `isPartly`: some of them. */
export interface CharacterRange {
  readonly first: number;
  readonly last: number;
  readonly isPartly?: boolean;
}

/** Sets of more parts than this are told coarsely: each part is looked at by a matcher of its own. */
const MOST_PARTS = 200;

/** How many bytes follow a leading byte, and the bits of it that count. */
const follow = (lead: number): { readonly count: number; readonly bits: number } =>
  lead < 0xe0
    ? { count: 1, bits: lead & 0x1f }
    : lead < 0xf0
      ? { count: 2, bits: lead & 0x0f }
      : { count: 3, bits: lead & 0x07 };

/** The characters that a matcher of bytes takes next, as ranges in order; with stops on the way. */
export function* nextCharacters(matcher: GrammarMatcher): Generator<undefined, CharacterRange[]> {
  const mask = yield* matcher.maskSteps();
  const ranges: CharacterRange[] = [];
  const add = (range: CharacterRange): void => {
    const before = ranges.at(-1);
    if (before !== undefined && before.last + 1 >= range.first && before.isPartly === range.isPartly)
      ranges[ranges.length - 1] = { ...before, last: range.last };
    else ranges.push(range);
  };
  for (let byte = 0; byte < 0x80; byte++) if (maskAllows(mask, byte)) add({ first: byte, last: byte });
  let parts = 0;
  function* below(at: GrammarMatcher, here: TokenMask, bits: number, count: number): Generator<undefined, void> {
    const span = 64 ** (count - 1);
    for (let byte = 0x80; byte < 0xc0; byte++) {
      if (!maskAllows(here, byte)) continue;
      const first = (bits * 64 + (byte & 0x3f)) * span;
      if (count === 1) add({ first, last: first });
      else if (++parts > MOST_PARTS) add({ first, last: first + span - 1, isPartly: true });
      else {
        const next = at.fork();
        next.advance(byte);
        yield* below(next, yield* next.maskSteps(), bits * 64 + (byte & 0x3f), count - 1);
      }
    }
  }
  const leads = Array.from({ length: 0x35 }, (_, i) => 0xc2 + i).filter(
    (byte) => byte <= 0xf4 && maskAllows(mask, byte),
  );
  for (const lead of leads) {
    const { count, bits } = follow(lead);
    const span = 64 ** count;
    if (leads.length > 16 || ++parts > MOST_PARTS)
      add({
        first: Math.max(bits * span, SMALLEST[count]),
        last: Math.min((bits + 1) * span - 1, 0x10ffff),
        isPartly: true,
      });
    else {
      const next = matcher.fork();
      next.advance(lead);
      yield* below(next, yield* next.maskSteps(), bits, count);
    }
  }
  return ranges;
}

/** The first code point of characters that have so many bytes behind the leading one. */
const SMALLEST = [0, 0x80, 0x800, 0x10000];

/** Ranges in words: `a to z`, `space`, `U+0080 to U+10FFFF, or most of it`. */
export function rangeWords({ first, last, isPartly }: CharacterRange): string {
  const words =
    first === last
      ? nameOf(first)
      : last === first + 1 && isPartly !== true
        ? `${nameOf(first)} ${nameOf(last)}`
        : `${nameOf(first)} to ${nameOf(last)}`;
  return isPartly === true ? `${words}, or some of it` : words;
}

const NAMES: Readonly<Record<number, string>> = { 9: 'tab', 10: 'line break', 13: 'carriage return', 32: 'space' };

function nameOf(code: number): string {
  if (code in NAMES) return NAMES[code];
  const isVisible =
    code > 32 && code < 127
      ? true
      : code > 0xa0 && code < 0x3000 && !/\p{C}|\p{M}|\p{Z}/u.test(String.fromCodePoint(code));
  return isVisible ? String.fromCodePoint(code) : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
