import { StarlingError } from '@starling/core';
import { answerChat, type ChatPart } from '../chat/answer-chat.js';
import type { GeneratePart, Generation } from '../generate-types.js';
import type { LanguageModel } from '../language-model.js';
import type { WebLoadProgress } from './load-options.js';
import { PARTS_ON_THE_WAY, toPlain, type FromWorker, type LoadedModel, type ToWorker } from './messages.js';
import { MODEL_CALLS } from './model-calls.js';

/** Loads the model that a message asks for. */
export type HostLoader = (
  message: Extract<ToWorker, { kind: 'load' }>,
  onProgress: (progress: WebLoadProgress) => void,
) => Promise<LanguageModel>;

/** What is under way for the page. */
interface Errand {
  cancel(): void;
  /** The page has read a part. */
  onRead?: () => void;
}

/** One model in a worker, at the page's service. */
export class EngineHost {
  readonly #post: (message: FromWorker) => void;
  readonly #load: HostLoader;
  readonly #errands = new Map<number, Errand>();
  #model: LanguageModel | undefined;

  constructor(post: (message: FromWorker) => void, load: HostLoader) {
    this.#post = post;
    this.#load = load;
  }

  /** Does what a message of the page says; answers to it come as messages. */
  take(message: ToWorker): void {
    if (message.kind === 'cancel') this.#errands.get(message.id)?.cancel();
    else if (message.kind === 'read') this.#errands.get(message.id)?.onRead?.();
    else void this.#answer(message);
  }

  async #answer(message: Exclude<ToWorker, { kind: 'cancel' | 'read' }>): Promise<void> {
    const { id } = message;
    try {
      this.#post({ kind: 'done', id, value: await this.#do(message) });
    } catch (error) {
      this.#post({ kind: 'failed', id, error: toPlain(error) });
    } finally {
      this.#errands.delete(id);
    }
  }

  #do(message: Exclude<ToWorker, { kind: 'cancel' | 'read' }>): Promise<unknown> {
    if (message.kind === 'load') return this.#open(message);
    if (message.kind === 'call') return this.#call(message);
    return message.kind === 'generate' ? this.#generate(message) : this.#chat(message);
  }

  async #open(message: Extract<ToWorker, { kind: 'load' }>): Promise<LoadedModel> {
    this.#model = await this.#load(message, (progress) => this.#post({ kind: 'progress', id: message.id, progress }));
    const { info, memory } = this.#model;
    return { info, memory };
  }

  async #call({ id, call, given }: Extract<ToWorker, { kind: 'call' }>): Promise<unknown> {
    const left = new AbortController();
    this.#errands.set(id, { cancel: () => left.abort() });
    const answer = MODEL_CALLS[call] as (
      model: LanguageModel,
      signal: AbortSignal,
      ...given: readonly unknown[]
    ) => unknown;
    return answer(this.#loaded(), left.signal, ...given);
  }

  async #generate({ id, request }: Extract<ToWorker, { kind: 'generate' }>): Promise<void> {
    const generation = this.#loaded().generate(request);
    await this.#send(id, generation, generation);
  }

  async #chat({ id, request }: Extract<ToWorker, { kind: 'chat' }>): Promise<void> {
    const answer = await answerChat(this.#loaded(), request);
    await this.#send(id, answer.generation, answer.parts());
  }

  /** Sends the parts of an answer, as many as the page has room for. */
  async #send(id: number, generation: Generation, parts: AsyncIterable<GeneratePart | ChatPart>): Promise<void> {
    let onTheWay = 0;
    let hasRoom: (() => void) | undefined;
    // Nobody reads any more: what is left is not held back.
    let isCancelled = false;
    const onRead = (): void => {
      onTheWay--;
      hasRoom?.();
    };
    this.#errands.set(id, { cancel: () => ((isCancelled = true), generation.cancel(), hasRoom?.()), onRead });
    this.#post({ kind: 'begun', id, prompt: { tokens: generation.promptTokens, text: generation.promptText } });
    for await (const part of parts) {
      this.#post({ kind: 'part', id, part });
      if (++onTheWay >= PARTS_ON_THE_WAY && !isCancelled) await new Promise<void>((resolve) => (hasRoom = resolve));
    }
  }

  #loaded(): LanguageModel {
    if (this.#model) return this.#model;
    throw new StarlingError('model_not_loaded', 'the worker has no model yet');
  }
}
