import type { AnswerMessage, ChatMessage } from '@starling/chat';
import { isStarlingError } from '@starling/core';
import type { KvCache } from '@starling/kvcache';
import type { PlannedSequence, Scheduler, SequenceHandle } from '@starling/scheduler';
import type { AdapterChoice } from './adapters.js';
import type { AnswerMemory } from './answer-memory.js';
import type { ChatInput } from './chat-types.js';
import { DIFFERENT_TEXTS, commonBeginning, messageAfter, type CommonBeginning } from './common-beginning.js';
import type { SampleResult } from './generate-types.js';
import type { StepCaller, Steps } from './aside/steps.js';
import { INTERNAL_TENANT } from './internal-work.js';
import type { PromptParts } from './prompt.js';
import type { RowConsumer, StepLoop } from './step-loop.js';

/** Fewer tokens than these are computed when they are asked for. */
const WORTH_TOKENS = 32;
const LOWEST_PRIORITY = Number.MIN_SAFE_INTEGER;

export interface IdlePrefillParts extends PromptParts {
  readonly cache: KvCache;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  /** Puts reasoning back that clients leave out. */
  readonly memory: AnswerMemory;
  /** False: nothing is computed ahead. */
  readonly isOn: boolean;
  readonly onComputed: (tokens: number) => void;
  /** Rendering and tokenizing, so that nobody waits for it. */
  readonly beside: <T>(steps: Steps<T>, caller: StepCaller) => Promise<T>;
}

/** A conversation whose answer has ended. */
export interface AnsweredChat {
  readonly chat: ChatInput & { readonly messages: readonly ChatMessage[] };
  readonly answer: AnswerMessage;
  readonly cacheKey: string;
  readonly adapters: AdapterChoice;
}

/**
 * Computes what is known of a conversation's next turn while nothing else runs: what a template writes anew of the turns before is done
 * by the time the next message comes. Whatever arrives ends it at once; pages that are finished then stay.
 */
export class IdlePrefill implements RowConsumer {
  readonly #parts: IdlePrefillParts;
  #isOn: boolean;
  #handle: SequenceHandle | undefined;
  #next: AnsweredChat | undefined;
  /** Of the prompt that is being written. */
  #preparing: AbortController | undefined;

  constructor(parts: IdlePrefillParts) {
    this.#parts = parts;
    this.#isOn = parts.isOn;
  }

  /**
   * An answer has ended, in all its samples: it is kept for the turns to come, and where it is whole the next one is got ready.
   * @param prompt the rendered conversation
   * @param prefill what the answers begin with and do not repeat
   */
  answered(
    { prompt, ...answered }: Omit<AnsweredChat, 'answer'> & { readonly prompt: string },
    samples: readonly SampleResult[],
    prefill: string,
  ): void {
    const { messages, tools, continueFinalMessage } = answered.chat;
    const answers = samples.map(({ text }) =>
      this.#parts.memory.remember(answered.cacheKey, { messages, tools, prompt, text: prefill + text }),
    );
    const [answer] = answers;
    if (
      !this.#isOn ||
      answer === undefined ||
      answers.length > 1 ||
      samples[0].finishReason !== 'stop' ||
      prefill !== '' ||
      continueFinalMessage === true
    )
      return;
    const isAsked = this.#next !== undefined;
    this.#next = { ...answered, answer };
    if (isAsked) return;
    void this.#parts.loop.between().then(() => {
      const next = this.#next;
      this.#next = undefined;
      return next && this.#isFree ? this.#begin(next) : undefined;
    });
  }

  /** Nothing is computed ahead any more. */
  close(): void {
    this.#isOn = false;
    this.drop();
  }

  /** Something arrives: gives everything back. */
  drop(): void {
    this.#next = undefined;
    this.#preparing?.abort();
    if (this.#handle) this.#parts.scheduler.cancel(this.#handle);
  }

  takeRow({ sequence }: PlannedSequence): void {
    this.#parts.scheduler.finish(sequence);
  }

  get #isFree(): boolean {
    return this.#parts.scheduler.isIdle && this.#handle === undefined;
  }

  async #begin({ chat, answer, cacheKey, adapters }: AnsweredChat): Promise<void> {
    const { scheduler, loop, cache, onComputed } = this.#parts;
    this.#preparing?.abort();
    const { signal } = (this.#preparing = new AbortController());
    const known = await this.#nextTurn(chat, answer, cacheKey, signal);
    if (known === undefined || signal.aborted || !this.#isFree || known.tokens.length >= scheduler.sequenceLimit)
      return;
    const { tokens, checkpoints } = known;
    // Nothing that is kept for others makes room for it.
    if (
      tokens.length - cache.known(cacheKey, tokens) < WORTH_TOKENS ||
      cache.arena.pagesFor(tokens.length) > cache.arena.freePages
    )
      return;
    try {
      const handle: SequenceHandle = scheduler.submit({
        id: 'next turn',
        tokens,
        tenant: INTERNAL_TENANT,
        isInternal: true,
        priority: LOWEST_PRIORITY,
        maxTokens: 0,
        cacheKey,
        checkpoints,
        outputs: 'last',
        adapterScales: adapters.scales,
        onEnd: (end) => {
          loop.detach(handle);
          this.#handle = undefined;
          if (end.kind === 'finished') onComputed(tokens.length - handle.cachedTokens);
        },
      });
      this.#handle = handle;
      loop.attach(handle, this);
    } catch (error) {
      // It does not fit, or is not wanted now.
      if (!isStarlingError(error)) throw error;
    }
  }

  /** What the next prompt will begin with; undefined where that is not known, or not wanted any more. */
  async #nextTurn(
    chat: AnsweredChat['chat'],
    answer: AnswerMessage,
    cacheKey: string,
    signal: AbortSignal,
  ): Promise<CommonBeginning | undefined> {
    try {
      return await this.#parts.beside(nextTurn(chat, answer, this.#parts, cacheKey), {
        tenant: INTERNAL_TENANT,
        signal,
      });
    } catch (error) {
      if (isStarlingError(error)) return undefined;
      throw error;
    }
  }
}

/** What the next prompt of a conversation will begin with. */
function nextTurn(
  chat: AnsweredChat['chat'],
  answer: AnswerMessage,
  parts: PromptParts,
  cacheKey: string,
): Steps<CommonBeginning | undefined> {
  const withNext = (content: string): ChatInput => ({
    ...chat,
    messages: [...chat.messages, answer, messageAfter(answer, content)],
  });
  return commonBeginning(DIFFERENT_TEXTS.map(withNext), parts, cacheKey);
}
