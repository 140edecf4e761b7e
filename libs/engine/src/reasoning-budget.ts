import type { AnswerParser } from '@starling/chat';
import type { ReasoningStart } from '@starling/grammar';
import type { Tokenizer } from '@starling/tokenizer';
import { isBegun } from './answer-state.js';
import type { GenerateOptions } from './generate-types.js';

/** How a model writes its reasoning, and whether the prompt has begun it. */
export interface ReasoningFrame {
  readonly start: string;
  readonly end: string;
  readonly state: ReasoningStart;
}

const utf8 = new TextDecoder();

/**
 * Lets a model reason for so many tokens and no longer: then the end of its reasoning is written for it, and it goes on with its answer. Reasoning
 * that ends by itself, or never begins, is left alone.
 */
export class ReasoningBudget {
  readonly #frame: ReasoningFrame;
  readonly #tokenizer: Tokenizer;
  readonly #ending: readonly number[];
  #state: ReasoningStart;
  #left: number;
  /** Tokens of the end that are to be written. */
  #pending: readonly number[] = [];
  /** The last characters, in which a marker is looked for. */
  #tail = '';

  /** @param maxTokens of reasoning, its end not included */
  constructor(maxTokens: number, frame: ReasoningFrame, tokenizer: Tokenizer) {
    this.#frame = frame;
    this.#tokenizer = tokenizer;
    this.#left = maxTokens;
    this.#state = frame.state;
    this.#ending = Array.from(tokenizer.encode(frame.end, { parseSpecial: true }));
  }

  /**
   * The token to take: the drawn one, or the next of the end.
   * @param mayCome whether what restricts the answer allows a token
   */
  choose(drawn: number, mayCome: (id: number) => boolean): number {
    if (this.#state === 'closed') return drawn;
    if (this.#pending.length === 0 && this.#state === 'open' && this.#left <= 0 && mayCome(this.#ending[0]))
      this.#pending = this.#ending;
    const [next, ...rest] = this.#pending;
    if (next !== undefined) {
      this.#pending = rest;
      if (rest.length === 0) this.#state = 'closed';
      return next;
    }
    this.#note(drawn);
    return drawn;
  }

  #note(id: number): void {
    const marker = this.#state === 'open' ? this.#frame.end : this.#frame.start;
    if (this.#state === 'open') this.#left--;
    const text = this.#tokenizer.isControl(id)
      ? this.#tokenizer.tokenText(id)
      : utf8.decode(this.#tokenizer.tokenBytes(id));
    this.#tail += text;
    if (this.#tail.includes(marker)) {
      this.#state = this.#state === 'open' ? 'closed' : 'open';
      this.#tail = '';
    } else this.#tail = this.#tail.slice(-marker.length);
  }
}

/** How the model reasons after a rendered prompt, where a request says for how long it may. */
export function reasoningFrameAfter(
  prompt: string | undefined,
  request: GenerateOptions,
  parser: () => AnswerParser,
): ReasoningFrame | undefined {
  const { reasoningTokens, prefill = '' } = request;
  if (reasoningTokens === undefined || prompt === undefined) return undefined;
  const answers = parser();
  const { reasoning } = answers.format;
  const [start, end] = [reasoning?.start.trim() ?? '', reasoning?.end.trim() ?? ''];
  return end === ''
    ? undefined
    : { start, end, state: answers.reasoningAfter(`${prompt}${prefill}`, { isBegun: isBegun(request) }) };
}
