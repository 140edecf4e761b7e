import type { PromptSegment } from '@starling/chat';
import type { Tokenizer } from '@starling/tokenizer';
import { atOnce, encoded, type LongStep, type Steps } from './aside/steps.js';
import { ControlCuts } from './control-cuts.js';
import { PromptBuilder, type EncodedPrompt } from './encoded-prompt.js';
import { ownerOf } from './cache-keys.js';
import { ScopedCache } from './scoped-cache.js';

/**
 * Stretches between control tokens whose tokens are kept, and characters of them: those of several long conversations. With their tokens they
 * take some 16 MB, and a busy server has them full within minutes.
 */
const STRETCHES = { entries: 1 << 14, characters: 1 << 22 };
/** Shorter ones are tokenized in no time. */
const SHORT = 16;
/** Whole texts that are kept, and characters of them. */
const TEXTS = { entries: 256, characters: 1 << 24 };
/** So many of the last tokens of a known text are tokenized again together with what follows it: half of them must come out the same. */
const OVERLAP = 64;

/** One for all: a prompt has thousands of stretches. */
const PAUSE: LongStep = { kind: 'pause' };

interface KnownText extends EncodedPrompt {
  /** Not the text itself: putting a long one together with the scope to look it up would take as long as reading it. */
  readonly key: string;
  readonly scope: string;
  /** It ends with tokens that a model generated: whatever follows, those stay. */
  readonly endsInAnswer: boolean;
}

/**
 * Tokenizes prompts, and no part of them twice. Two things are kept, for each scope (whose callers may share them) apart:
 *
 * - the tokens of each stretch between control tokens, by its text: a message of a conversation, mostly
 * - whole texts that were prompts, with the answers that followed
 *
 * The tokens of answers are those that were generated, which tokenizing their text need not give: constrained answers have others nearly
 * always. Where a later prompt has the same text there, it gets the same tokens, and their keys and values are found in the cache.
 */
export class PromptEncoder {
  readonly #tokenizer: Tokenizer;
  /** Both by owner of the scope, then by scope and text, or by a number. */
  readonly #stretches = new ScopedCache<Uint32Array>({ each: STRETCHES, all: STRETCHES });
  readonly #texts = new ScopedCache<KnownText>({
    each: { ...TEXTS, charactersOf: ({ text }) => text.length },
    all: TEXTS,
  });
  #count = 0;
  #cuts: ControlCuts | undefined;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /**
   * The tokens of a prompt.
   * @param scope whose texts it may share; undefined: nobody's, and none of it is kept
   */
  encode(
    segments: readonly PromptSegment[],
    scope?: string,
    options: { readonly continuation?: boolean } = {},
  ): EncodedPrompt {
    return atOnce(this.steps(segments, scope, options), this.#tokenizer);
  }

  /** The same, in steps. */
  *steps(
    segments: readonly PromptSegment[],
    scope?: string,
    { continuation = false }: { readonly continuation?: boolean } = {},
  ): Steps<EncodedPrompt> {
    const builder = new PromptBuilder();
    const isPlain = segments.every(({ literal }) => !literal) && !continuation;
    const text = isPlain ? segments.map((segment) => segment.text).join('') : '';
    const known = isPlain && scope !== undefined ? this.#longestKnown(scope, text) : undefined;
    if (known && (yield* this.#goOn(builder, known, text, scope))) return this.#kept(scope, builder.build());
    for (const segment of segments) {
      yield PAUSE;
      if (segment.literal)
        builder.addLiteral(
          segment.text,
          yield* encoded(this.#tokenizer, segment.text, { continuation: this.#goesOn(builder, continuation) }),
        );
      else yield* this.#addText(builder, segment.text, scope, continuation);
    }
    const prompt = builder.build();
    return isPlain ? this.#kept(scope, prompt) : prompt;
  }

  /** Keeps the tokens of an answer to a prompt: those of its text, without the token that ended it. */
  remember(scope: string, prompt: EncodedPrompt, answer: readonly number[]): void {
    const tokenizer = this.#tokenizer;
    const text = tokenizer.decode(answer, { continuation: true, cleanSpaces: false });
    // Bytes that are no text cannot come again as the same text.
    if (text === '' || text.includes('\ufffd')) return;
    const builder = new PromptBuilder();
    builder.addBeginning(prompt);
    const from = prompt.marks.at(-1);
    let stretch =
      from && from.at >= prompt.plainFrom
        ? { text: prompt.text.slice(from.at), tokens: Array.from(prompt.tokens.subarray(from.token)) }
        : undefined;
    for (let begin = 0; begin < answer.length; ) {
      let end = begin + 1;
      while (end < answer.length && !tokenizer.isControl(answer[end])) end++;
      const ids = answer.slice(begin, end);
      const piece = tokenizer.decode(ids, { continuation: true, cleanSpaces: false });
      if (tokenizer.isControl(answer[begin])) {
        this.#keepStretch(scope, stretch);
        stretch = { text: '', tokens: [] };
        builder.mark();
      }
      if (stretch) stretch = { text: stretch.text + piece, tokens: [...stretch.tokens, ...ids] };
      builder.add(piece, Uint32Array.from(ids));
      begin = end;
    }
    this.#keepStretch(scope, stretch);
    if (prompt.plainFrom === 0) this.#keepText({ ...builder.build(), scope, endsInAnswer: true });
  }

  #kept(scope: string | undefined, prompt: EncodedPrompt): EncodedPrompt {
    if (scope !== undefined && prompt.tokens.length > 4 * OVERLAP)
      this.#keepText({ ...prompt, scope, endsInAnswer: false });
    return prompt;
  }

  #longestKnown(scope: string, text: string): KnownText | undefined {
    const owner = ownerOf(scope);
    let longest: KnownText | undefined;
    for (const known of this.#texts.values(owner))
      if (known.scope === scope && known.text.length > (longest?.text.length ?? 0) && text.startsWith(known.text))
        longest = known;
    return longest && this.#texts.get(owner, longest.key);
  }

  /** Tokenizes what comes after a known text; false if that cannot be told apart from it. */
  *#goOn(builder: PromptBuilder, known: KnownText, text: string, scope: string | undefined): Steps<boolean> {
    const { tokens, text: before } = known;
    const rest = text.slice(before.length);
    // Where the text goes on with the same word it is no longer what was generated.
    const isWhole = known.endsInAnswer && (known.marks.length === 0 || /^\s/.test(rest));
    if (isWhole || rest === '' || this.#cutter.beginsAt(text, before.length)) {
      builder.addBeginning(known);
      yield* this.#addText(builder, rest, scope, true);
      return true;
    }
    const from = tokens.length - OVERLAP;
    if (from < OVERLAP) return false;
    const overlap = this.#tokenizer.decode(tokens.subarray(from), { continuation: true, cleanSpaces: false });
    if (!before.endsWith(overlap)) return false;
    const more = new PromptBuilder();
    yield* this.#addText(more, overlap + rest, scope, true);
    const again = more.build();
    for (let i = 0; i < OVERLAP / 2; i++) if (again.tokens[i] !== tokens[from + i]) return false;
    builder.addBeginning(known, from, before.length - overlap.length);
    builder.addBeginning(again);
    return true;
  }

  *#addText(builder: PromptBuilder, text: string, scope: string | undefined, continuation: boolean): Steps<void> {
    let begin = 0;
    for (const end of [...this.#cutter.cutsIn(text), text.length]) {
      if (end === begin) continue;
      yield PAUSE;
      const stretch = text.slice(begin, end);
      if (begin > 0 || this.#cutter.beginsAt(text, 0)) builder.mark();
      builder.add(stretch, yield* this.#encodeStretch(stretch, scope, this.#goesOn(builder, continuation)));
      begin = end;
    }
  }

  *#encodeStretch(text: string, scope: string | undefined, continuation: boolean): Steps<Uint32Array> {
    const encode = (): Steps<Uint32Array> => encoded(this.#tokenizer, text, { parseSpecial: true, continuation });
    if (scope === undefined || text.length < SHORT || !this.#cutter.beginsAt(text, 0)) return yield* encode();
    const [owner, key] = [ownerOf(scope), keyOf({ scope, text })];
    const known = this.#stretches.get(owner, key);
    if (known) return known;
    const tokens = yield* encode();
    this.#stretches.set(owner, key, tokens);
    return tokens;
  }

  /** Also without white space at its end, which templates cut off, if a token begins there. */
  #keepStretch(
    scope: string,
    stretch: { readonly text: string; readonly tokens: readonly number[] } | undefined,
  ): void {
    if (stretch === undefined || !this.#cutter.beginsAt(stretch.text, 0)) return;
    const owner = ownerOf(scope);
    this.#stretches.set(owner, keyOf({ scope, text: stretch.text }), Uint32Array.from(stretch.tokens));
    const trimmed = stretch.text.trimEnd();
    let cut = stretch.text.length - trimmed.length;
    let count = stretch.tokens.length;
    while (cut > 0 && count > 1) cut -= this.#tokenizer.tokenBytes(stretch.tokens[--count]).length;
    if (cut === 0 && count < stretch.tokens.length)
      this.#stretches.set(owner, keyOf({ scope, text: trimmed }), Uint32Array.from(stretch.tokens.slice(0, count)));
  }

  #keepText(text: Omit<KnownText, 'key'>): void {
    const known = { ...text, key: String(this.#count++) };
    const owner = ownerOf(known.scope);
    // What it goes on from is known with it.
    for (const other of this.#texts.values(owner))
      if (other.scope === known.scope && known.text.startsWith(other.text)) this.#texts.delete(owner, other.key);
    this.#texts.set(owner, known.key, known);
  }

  /** Whether a text that is added goes on after text, not after a control token. */
  #goesOn(builder: PromptBuilder, continuation: boolean): boolean {
    const { last } = builder;
    return last === undefined ? continuation : !this.#tokenizer.isControl(last);
  }

  get #cutter(): ControlCuts {
    return (this.#cuts ??= new ControlCuts(this.#tokenizer));
  }
}

const keyOf = ({ scope, text }: Pick<KnownText, 'scope' | 'text'>): string => `${scope}\n${text}`;
