import { StarlingError } from '@starling/core';
import type { ChatPart, ChatRequest } from '../chat/answer-chat.js';
import type { GeneratePart, GenerateRequest } from '../generate-types.js';
import type { CloseOptions, EmbedOptions, EngineModelInfo, ModelMemory, TokenizeOptions } from '../model-types.js';
import type { RerankOptions } from '../rerank.js';
import type { WebLoadOptions } from './load-options.js';
import type { LoadedModel } from './messages.js';
import type { GivenTo, ModelCall, ResultOf } from './model-calls.js';
import { resolvedOptions, resolvedSource, type WebSource } from './source.js';
import type { WebAnswer } from './web-answer.js';
import { WebChat } from './web-chat.js';
import { WebGeneration } from './web-generation.js';
import { WorkerPort, type Asked } from './worker-port.js';

/** A model in a worker of this page: what `LanguageModel` offers, as promises. */
export class WebModel {
  readonly info: EngineModelInfo;
  readonly memory: ModelMemory;
  readonly #port: WorkerPort;

  /** @internal */
  constructor(port: WorkerPort, { info, memory }: LoadedModel) {
    this.#port = port;
    this.info = info;
    this.memory = memory;
  }

  /**
   * Continues a prompt. What is refused (`invalid_request`, `context_length_exceeded`, `queue_full` and so on) rejects the loops over the
   * generation and its `result()`.
   * @throws StarlingError invalid_argument for a request that holds a function
   */
  generate(request: GenerateRequest): WebGeneration {
    const asked: Asked = { kind: 'generate', request: { ...request, signal: undefined } };
    return this.#begin(asked, request.signal, (cancel) => new WebGeneration(cancel));
  }

  /**
   * Answers a conversation, the answer being read as a message as it comes: reasoning apart from content, calls of `tools` held to their schemas.
   * What is refused rejects its loops and `result()`.
   * @throws StarlingError invalid_argument for a request that holds a function
   */
  answerChat(request: ChatRequest): WebChat {
    const asked: Asked = { kind: 'chat', request: { ...request, signal: undefined } };
    return this.#begin(asked, request.signal, (cancel) => new WebChat(cancel));
  }

  #begin<Part extends GeneratePart | ChatPart, Answer extends WebAnswer<Part>>(
    asked: Asked,
    signal: AbortSignal | undefined,
    answerOf: (cancel: () => void) => Answer & WebAnswer<Part>,
  ): Answer {
    let cancel: () => void = () => undefined;
    const answer = answerOf(() => cancel());
    if (signal?.aborted) {
      answer.over(
        new StarlingError('cancelled', 'the request was cancelled before it began', { cause: signal.reason }),
      );
      return answer;
    }
    const onAbort = (): void => cancel();
    const over = (error?: StarlingError): void => {
      signal?.removeEventListener('abort', onAbort);
      answer.over(error);
    };
    cancel = this.#port.ask(asked, {
      onMessage: (message) => {
        if (message.kind === 'begun') answer.begun(message.prompt);
        // The parts that come of what was asked are those of its answer.
        else if (message.kind === 'part')
          void answer.take(message.part as Part).then(() => this.#port.tellRead(message.id));
      },
      onDone: () => over(),
      onFailed: over,
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    return answer;
  }

  /** The ids of a text; BOS and the like around it unless told otherwise. */
  tokenize(text: string, options?: TokenizeOptions): Promise<ResultOf<'tokenize'>> {
    return this.#call('tokenize', [text, options]);
  }

  /** The same with the UTF-8 byte range of each id `(n_ids, 2)`. */
  tokenizeWithOffsets(text: string, options?: TokenizeOptions): Promise<ResultOf<'tokenizeWithOffsets'>> {
    return this.#call('tokenizeWithOffsets', [text, options]);
  }

  /** The text of ids. @throws StarlingError invalid_request for an id that is not in the vocabulary */
  detokenize(tokens: ArrayLike<number>): Promise<string> {
    return this.#call('detokenize', [tokens]);
  }

  /** How many tokens a prompt comes to, as `generate` would take it. */
  countTokens(...input: GivenTo<'countTokens'>): Promise<number> {
    return this.#call('countTokens', input);
  }

  /** The text that a conversation becomes. @throws StarlingError invalid_template, or invalid_request if the model has no template */
  applyTemplate(...input: GivenTo<'applyTemplate'>): Promise<string> {
    return this.#call('applyTemplate', input);
  }

  /** Vectors for texts or token lists, pooled and of length 1. */
  embed(input: GivenTo<'embed'>[0], { signal, ...options }: EmbedOptions = {}): Promise<ResultOf<'embed'>> {
    return this.#call('embed', [input, options], signal);
  }

  /** Orders documents by how well they fit a query, with a model that was made for it. */
  rerank(
    query: string,
    documents: readonly string[],
    { signal, ...options }: RerankOptions = {},
  ): Promise<ResultOf<'rerank'>> {
    return this.#call('rerank', [query, documents, options], signal);
  }

  /** How busy it is, now. */
  statistics(): Promise<ResultOf<'statistics'>> {
    return this.#call('statistics', []);
  }

  /** Ends the model, after what is under way or at once, and then its worker: its memory is given back. */
  async close(options: CloseOptions = {}): Promise<void> {
    try {
      await this.#call('close', [options]);
    } finally {
      this.#port.end(
        new StarlingError('closed', `model ${this.info.name} has been closed`, { details: { model: this.info.name } }),
      );
    }
  }

  #call<Call extends ModelCall>(call: Call, given: GivenTo<Call>, signal?: AbortSignal): Promise<ResultOf<Call>> {
    return this.#port.request({ kind: 'call', call, given }, { signal }) as Promise<ResultOf<Call>>;
  }
}

/** Loads models in workers. */
export type WebLoader = (source: WebSource, options?: WebLoadOptions) => Promise<WebModel>;

/** A loader whose workers are started so unless it is told otherwise. */
export function webLoader(spawn: () => Worker): WebLoader {
  return async (source, { onProgress, signal, worker = spawn, ...options } = {}) => {
    if (signal?.aborted) throw loadCancelled(signal);
    const port = new WorkerPort(worker());
    // Its worker is ended under it: no read of a file has to come to its end first.
    const onAbort = (): void => port.end(loadCancelled(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const loaded = await port.request(
        { kind: 'load', source: resolvedSource(source), options: resolvedOptions(options) },
        { onMessage: (message) => message.kind === 'progress' && onProgress?.(message.progress) },
      );
      return new WebModel(port, loaded as LoadedModel);
    } catch (error) {
      port.end(new StarlingError('closed', 'the model could not be loaded'));
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  };
}

const loadCancelled = (signal: AbortSignal | undefined): StarlingError =>
  new StarlingError('cancelled', 'loading the model was cancelled', { cause: signal?.reason });
