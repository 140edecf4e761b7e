import { StarlingError, messageOf } from '@starling/core';
import { fromPlain, type FromWorker, type ToWorker } from './messages.js';

/** Who waits for what comes of an id. */
export interface Waiting {
  readonly onMessage?: (message: Exclude<FromWorker, { kind: 'done' | 'failed' }>) => void;
  readonly onDone: (value: unknown) => void;
  readonly onFailed: (error: StarlingError) => void;
}

/** What of messages is left when their number is made here. */
export type Asked = ToWorker extends infer Message
  ? Message extends { readonly kind: 'load' | 'generate' | 'chat' | 'call' }
    ? Omit<Message, 'id'>
    : never
  : never;

/** The page's end of the way to the worker. */
export class WorkerPort {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #end: StarlingError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#take(data));
    worker.addEventListener('error', (event) =>
      this.end(
        new StarlingError(
          'worker_failed',
          `the engine's worker failed: ${event.message || 'its code could not be loaded'}`,
        ),
      ),
    );
    worker.addEventListener('messageerror', () =>
      this.end(new StarlingError('worker_failed', "a message of the engine's worker could not be read")),
    );
  }

  /**
   * Asks for something.
   * @returns a function that says that nobody wants it any more
   * @throws StarlingError invalid_argument if what is asked holds a function or another thing that cannot be sent
   */
  ask(asked: Asked, waiting: Waiting): () => void {
    const id = this.#nextId++;
    if (this.#end) {
      waiting.onFailed(this.#end);
      return () => undefined;
    }
    this.#waiting.set(id, waiting);
    try {
      this.#worker.postMessage({ ...asked, id });
    } catch (cause) {
      this.#waiting.delete(id);
      throw new StarlingError('invalid_argument', `this cannot be sent to the engine's worker: ${messageOf(cause)}`, {
        cause,
      });
    }
    return () => this.#send({ kind: 'cancel', id });
  }

  /** Ends the worker; whoever waits fails with the error. */
  end(error: StarlingError): void {
    if (this.#end) return;
    this.#end = error;
    this.#worker.terminate();
    for (const waiting of this.#waiting.values()) waiting.onFailed(error);
    this.#waiting.clear();
  }

  /** The same as a promise, with a signal that ends it. */
  request(
    asked: Asked,
    { signal, onMessage }: { readonly signal?: AbortSignal; readonly onMessage?: Waiting['onMessage'] } = {},
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted)
        throw new StarlingError('cancelled', 'it was cancelled before it began', { cause: signal.reason });
      // What has ended answers before there is anything to cancel.
      let cancel = (): void => undefined;
      const onAbort = (): void => cancel();
      const over = (): void => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      cancel = this.ask(asked, {
        onMessage,
        onDone: (value) => (over(), resolve(value)),
        onFailed: (error) => (over(), reject(error)),
      });
    });
  }

  /** Says that there is room for one more part. */
  tellRead(id: number): void {
    this.#send({ kind: 'read', id });
  }

  #send(message: ToWorker): void {
    if (!this.#end && this.#waiting.has(message.id)) this.#worker.postMessage(message);
  }

  #take(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    if (message.kind !== 'done' && message.kind !== 'failed') return waiting?.onMessage?.(message);
    this.#waiting.delete(message.id);
    if (message.kind === 'done') waiting?.onDone(message.value);
    else waiting?.onFailed(fromPlain(message.error));
  }
}
