import { maskAllows, maskCount, type TokenMask } from '@starling/grammar';
import type { Tokenizer } from '@starling/tokenizer';
import type { OutputMatcher } from './constraint.js';

/** What leads out of a JSON value, the shortest way first; outside of strings. */
const WAYS_OUT = ['}', ']', ',', ':', '0', '1', 'null', 'true', 'n', 't', 'f', '"', '[', '{', '-'] as const;
/** A character that stands in strings alone: where it is allowed, brackets are text. */
const TEXT_ONLY = '#';
const FILLER = 'a';
/** Of a mask with more tokens than this the first is as good as any. */
const MAX_COMPARED = 256;

/** The tokens of a vocabulary that end a JSON text, found once. */
export class JsonEnding {
  readonly #tokenizer: Tokenizer;
  readonly #byText = new Map<string, number>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    const wanted = new Set<string>([...WAYS_OUT, TEXT_ONLY, FILLER]);
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const bytes = tokenizer.tokenBytes(id);
      if (bytes.length === 0 || bytes.length > 4 || tokenizer.isControl(id)) continue;
      const text = String.fromCharCode(...bytes);
      if (wanted.has(text) && !this.#byText.has(text)) this.#byText.set(text, id);
    }
  }

  /**
   * Tokens that complete the text from where the matcher stands: each time the nearest way out. The matcher is not changed.
   * @returns undefined if no end is found within `limit` tokens
   */
  plan(matcher: OutputMatcher, limit: number): number[] | undefined {
    const ahead = matcher.fork();
    const plan: number[] = [];
    while (plan.length <= limit) {
      if (ahead.isDone) return plan;
      const mask = ahead.mask();
      const end = [...this.#tokenizer.special.endOfGeneration].find((id) => maskAllows(mask, id));
      if (end !== undefined) return plan.length < limit ? [...plan, end] : undefined;
      const id = this.#step(mask);
      if (id === undefined) return undefined;
      plan.push(id);
      ahead.advance(id);
    }
    return undefined;
  }

  #step(mask: TokenMask): number | undefined {
    const allowed = (text: string): number | undefined => {
      const id = this.#byText.get(text);
      return id !== undefined && maskAllows(mask, id) ? id : undefined;
    };
    if (allowed(TEXT_ONLY) !== undefined) return allowed('"') ?? allowed(FILLER) ?? this.#longest(mask);
    for (const text of WAYS_OUT) {
      const id = allowed(text);
      if (id !== undefined) return id;
    }
    return this.#longest(mask);
  }

  /** Where the text is fixed, as in a name that must come: the token that brings it on furthest. White space brings nothing. */
  #longest(mask: TokenMask): number | undefined {
    const compared = maskCount(mask) <= MAX_COMPARED;
    let best: number | undefined;
    let bestLength = 0;
    for (let id = 0; id < mask.vocabSize; id++) {
      if (!maskAllows(mask, id)) continue;
      const bytes = this.#tokenizer.tokenBytes(id);
      const length = bytes.every((byte) => byte <= 0x20) ? 0.5 : bytes.length;
      if (length > bestLength) [best, bestLength] = [id, length];
      if (!compared && best !== undefined) return best;
    }
    return best;
  }
}

const endings = new WeakMap<Tokenizer, JsonEnding>();

/** The endings of a tokenizer's vocabulary, made at first use. */
export function jsonEndingOf(tokenizer: Tokenizer): JsonEnding {
  let ending = endings.get(tokenizer);
  if (!ending) endings.set(tokenizer, (ending = new JsonEnding(tokenizer)));
  return ending;
}
