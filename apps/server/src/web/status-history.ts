import type { ServerStatus } from './api.js';

/** What the server did between two looks at it. */
export interface Moment {
  readonly generatedPerSecond: number;
  readonly promptPerSecond: number;
  readonly running: number;
  readonly queued: number;
  /** Milliseconds of steps that each tenant was charged for, by name. */
  readonly served: ReadonlyMap<string, number>;
}

/** Moments that are kept: a minute of seconds. */
export const MOMENTS = 60;

/** The last minute of a server, from what it tells each second. A server that was started anew begins anew. */
export class StatusHistory {
  #last: ServerStatus | undefined;
  #moments: readonly Moment[] = [];

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  add(status: ServerStatus): void {
    const last = this.#last;
    this.#last = status;
    const elapsed = (status.time_ms - (last?.time_ms ?? Infinity)) / 1000;
    const isAnew = last === undefined || elapsed <= 0 || status.totals.generated_tokens < last.totals.generated_tokens;
    if (isAnew) {
      this.#moments = [];
      return;
    }
    const perSecond = (name: 'generated_tokens' | 'prompt_tokens'): number =>
      Math.max(0, status.totals[name] - last.totals[name]) / elapsed;
    const now = served(status);
    const before = served(last);
    const moment: Moment = {
      generatedPerSecond: perSecond('generated_tokens'),
      promptPerSecond: perSecond('prompt_tokens'),
      running: sum(status, 'running'),
      queued: sum(status, 'queued'),
      // A tenant that was away for long begins at zero again.
      served: new Map(
        [...now].map(([name, ms]) => [name, ms - (ms < (before.get(name) ?? 0) ? 0 : (before.get(name) ?? 0))]),
      ),
    };
    this.#moments = [...this.#moments, moment].slice(-MOMENTS);
  }

  /** Parts of the time of steps in the last minute, largest first; nobody where nothing was computed. */
  shares(): { readonly name: string; readonly part: number }[] {
    const totals = new Map<string, number>();
    for (const { served: each } of this.#moments)
      for (const [name, ms] of each) totals.set(name, (totals.get(name) ?? 0) + ms);
    const all = [...totals.values()].reduce((total, ms) => total + ms, 0);
    return all === 0
      ? []
      : [...totals]
          .filter(([, ms]) => ms > 0)
          .map(([name, ms]) => ({ name, part: ms / all }))
          .sort((a, b) => b.part - a.part);
  }
}

function served({ models }: ServerStatus): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { tenants = [] } of models)
    for (const { name, served_ms: ms } of tenants) totals.set(name, (totals.get(name) ?? 0) + ms);
  return totals;
}

export const sum = (
  { models }: ServerStatus,
  name: 'running' | 'queued' | 'slots' | 'queue_limit' | 'sessions',
): number => models.reduce((total, model) => total + (model[name] ?? 0), 0);
