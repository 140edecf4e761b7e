import type * as Web from '@starling/engine/web';
import type { Chunk } from './answer-builder.js';
import { headersOf, type ServedModel } from './api.js';
import { byId } from './dom.js';
import { bytes } from './figures.js';
import type { ChatBody } from './request-body.js';
import { deltaChunks, lastChunk, tabLoadOptions, tabRequest } from './tab-request.js';

/** The engine: a module of the page, and the code of its workers. It is large, and fetched when it is first needed. */
const ENGINE_URL = '/web/starling-web.js';

/** Tokens of a conversation, at most: a tab has less memory than a server. */
const CONTEXT_LIMIT = 8192;

/** As far as types of the DOM do not have it. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** A model that is loaded, or being loaded. */
interface InTab {
  readonly url: string;
  readonly model: Promise<Web.WebModel>;
}

/** Runs a model in a worker of this page, one at a time, and tells above the conversation how that stands. */
export class TabEngine {
  readonly #line = byId('in-tab-state');
  #current: InTab | undefined;
  #policy: ReturnType<TrustedTypes['createPolicy']> | undefined;
  #state =
    'Answers are computed in this tab: nothing you write leaves it. The model is fetched with the first question.';

  /** Whether what is looked at comes from here. */
  show(isHere: boolean): void {
    this.#line.hidden = !isHere;
    this.#line.textContent = isHere ? this.#state : '';
  }

  /** Answers as the server would, in its chunks; what goes wrong is one of them. @throws when the signal aborts */
  async *answer(served: ServedModel, apiKey: string, body: ChatBody, signal: AbortSignal): AsyncGenerator<Chunk> {
    try {
      const model = await orAborted(this.#load(served, apiKey), signal);
      yield { model: served.id };
      let finishReason: Web.ChatSample['finishReason'] = 'stop';
      for await (const part of model.answerChat(tabRequest(body, served.in_tab ?? {}, signal))) {
        if (part.kind === 'prompt')
          yield {
            prompt_progress: { total: part.totalTokens, cache: part.cachedTokens, processed: part.processedTokens },
          };
        else if (part.kind === 'deltas') yield* deltaChunks(part);
        else if (part.kind === 'sample') ({ finishReason } = part);
        else if (!signal.aborted) yield lastChunk(finishReason, part.done);
      }
    } catch (error) {
      if (!signal.aborted) yield { error: failureOf(error) };
    }
    signal.throwIfAborted();
  }

  #load(served: ServedModel, apiKey: string): Promise<Web.WebModel> {
    const url = served.file_url ?? '';
    if (this.#current?.url === url) return this.#current.model;
    const previous = this.#current;
    const model = this.#start(served, url, apiKey, previous?.model);
    const current = { url, model };
    this.#current = current;
    model.then(
      ({ info: { threads } }) =>
        this.#tell(
          `Answers are computed in this tab, with ${threads} ${threads === 1 ? 'thread' : 'threads'}: nothing you write leaves it.`,
        ),
      (error: unknown) => {
        if (this.#current === current) this.#current = undefined;
        this.#tell(`The model could not be loaded: ${failureOf(error).message}`);
      },
    );
    return model;
  }

  async #start(
    { id, context_length: contextLength = CONTEXT_LIMIT, in_tab: defaults = {} }: ServedModel,
    url: string,
    apiKey: string,
    previous: Promise<Web.WebModel> | undefined,
  ): Promise<Web.WebModel> {
    // There may be no room for both.
    await previous?.then(
      (model) => model.close({ drain: false }),
      () => undefined,
    );
    this.#tell('The engine is being fetched …');
    const { loadInWorker } = (await import(ENGINE_URL as string)) as Pick<typeof Web, 'loadInWorker'>;
    return loadInWorker(
      { url, headers: headersOf(apiKey) },
      {
        name: id,
        contextLength: Math.min(contextLength, CONTEXT_LIMIT),
        ...tabLoadOptions(defaults),
        worker: () => this.#worker(),
        onProgress: ({ phase, done, total }) =>
          this.#tell(
            `${phase === 'download' ? 'The model is being fetched, to be kept in this browser' : 'The model is being loaded'}: ${bytes(done)} of ${bytes(total)}`,
          ),
      },
    );
  }

  /** The page lets nothing run that it did not name: this policy lets one file. */
  #worker(): Worker {
    const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
    this.#policy ??= trustedTypes?.createPolicy('starling-engine', { createScriptURL: () => ENGINE_URL });
    return new Worker(this.#policy?.createScriptURL(ENGINE_URL) ?? ENGINE_URL, {
      type: 'module',
      name: 'starling-engine',
    });
  }

  #tell(state: string): void {
    this.#state = state;
    if (!this.#line.hidden) this.#line.textContent = state;
  }
}

/** What comes of a promise, unless nobody waits for it any more. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as DOMException);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** What went wrong, as the API tells it. */
function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  const { code } = error as { readonly code?: unknown };
  return {
    code: typeof code === 'string' ? code : 'in_tab',
    message: error instanceof Error ? error.message : String(error),
  };
}
