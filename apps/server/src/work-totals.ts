import type { EngineEvent } from '@starling/engine';
import type { WorkTotals } from './parts.js';

/** Adds up what the engine tells of its work. */
export class WorkCounter {
  readonly #totals = { requests: 0, rejected: 0, promptTokens: 0, cachedTokens: 0, generatedTokens: 0, busyMs: 0 };

  note(event: EngineEvent): void {
    const totals = this.#totals;
    switch (event.kind) {
      case 'request_queued':
        totals.requests++;
        break;
      case 'request_rejected':
        totals.rejected++;
        break;
      case 'first_token':
      case 'next_token':
        totals.generatedTokens++;
        break;
      case 'step':
        totals.promptTokens += event.promptTokens;
        totals.busyMs += event.durationMs;
        break;
      case 'draft_step':
        totals.busyMs += event.durationMs;
        break;
      case 'cache_matched':
        totals.cachedTokens += event.hitTokens;
        break;
    }
  }

  totals(): WorkTotals {
    return { ...this.#totals };
  }
}
