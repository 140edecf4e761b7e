import { StarlingError } from '@starling/core';
import type { KvCache } from '@starling/kvcache';
import { asStarlingError, type Scheduler } from '@starling/scheduler';
import type { AsideWork } from './aside/aside-job.js';
import type { CloseOptions } from './model-types.js';
import type { StepLoop } from './step-loop.js';

/** What a model gives back when it ends. */
export interface LifeParts {
  readonly name: string;
  readonly cache: KvCache;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  readonly runtime: { close(): Promise<void> };
  readonly draftModel: { close(): Promise<void> } | undefined;
  readonly aside: AsideWork | undefined;
}

/** Whether a model takes requests, and how it ends. */
export class ModelLife {
  readonly #parts: LifeParts;
  #state: 'open' | 'draining' | 'abandoned' | 'closed' = 'open';
  #closing: Promise<void> | undefined;
  readonly #hurry = new AbortController();

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  /** @throws StarlingError shutting_down, closed */
  checkOpen(): void {
    if (this.#state === 'open') return;
    const { name } = this.#parts;
    if (this.#state === 'closed')
      throw new StarlingError('closed', `model ${name} has been closed`, { details: { model: name } });
    throw new StarlingError('shutting_down', `model ${name} takes no more requests: it is being unloaded`, {
      details: { model: name },
    });
  }

  /** Has new requests refused at once and those under way finish (unless `drain` is false), then gives the memory back. */
  close({ drain = true, timeoutMs }: CloseOptions): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining';
    this.#closing ??= this.#shutDown();
    if (!drain) this.#abandon();
    else if (timeoutMs !== undefined) {
      const timer = setTimeout(() => this.#abandon(), timeoutMs);
      void this.#closing.finally(() => clearTimeout(timer));
    }
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const { loop, scheduler, cache, aside, runtime, draftModel } = this.#parts;
    for (;;) {
      await loop.settled();
      if (scheduler.isIdle || !cache.isHolding) break;
      await cache.restored();
    }
    try {
      if (this.#state === 'draining') await this.#spill();
    } finally {
      // Whatever became of storing: the memory is given back.
      aside?.close();
      await Promise.all([runtime.close(), draftModel?.close()]);
      this.#state = 'closed';
    }
  }

  /** Stores what there is, for as long as there is time. */
  async #spill(): Promise<void> {
    const { signal } = this.#hurry;
    const isOver = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    // Pages of a runtime that was closed meanwhile cannot be read any more.
    await Promise.race([
      this.#parts.cache
        .spillAll(signal)
        .catch((error: unknown) => (signal.aborted ? undefined : Promise.reject(asStarlingError(error)))),
      isOver,
    ]);
  }

  /** Ends what is under way. The runtime is closed under a step that runs, so that nobody waits for it. */
  #abandon(): void {
    if (this.#state !== 'draining') return;
    this.#state = 'abandoned';
    this.#hurry.abort();
    const { name, aside, scheduler, runtime, draftModel } = this.#parts;
    aside?.close();
    scheduler.failAll(
      new StarlingError('shutting_down', `model ${name} is being unloaded; send the request again later`, {
        details: { model: name },
      }),
    );
    // Its failure is that of #shutDown, which closes it again.
    for (const part of [runtime, draftModel]) void part?.close().catch(() => undefined);
  }
}
