import type { FairShares } from './fair-shares.js';
import type { StepCosts } from './step-cost.js';
import { readsOf } from './step-cost.js';

/** A sequence under way, as far as its remaining work goes. */
export interface PendingWork {
  readonly tenant: string;
  readonly priority: number;
  /** Tokens computed, and tokens known. */
  readonly computed: number;
  readonly length: number;
  readonly cachedTokens: number;
  /** Tokens that it will still generate, as far as is known. */
  readonly toGenerate: number;
}

export interface WaitQuestion {
  readonly tenant: string;
  readonly weight: number;
  readonly priority: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** Milliseconds of one sequence's remaining work, its decode steps shared by `sequences`. */
export function remainingMs(work: PendingWork, { stepMs, tokenMs, readMs }: StepCosts, sequences: number): number {
  const start = Math.max(work.computed, work.computed === 0 ? Math.min(work.cachedTokens, work.length - 1) : 0);
  const prompt = work.length - start;
  const { toGenerate } = work;
  return (
    (stepMs / sequences + tokenMs) * toGenerate +
    tokenMs * prompt +
    readMs * (readsOf(start, prompt) + readsOf(work.length, toGenerate))
  );
}

/**
 * Milliseconds until a new request would have its first token. What the tenant itself has under way comes first. While that and the
 * prompt are computed, each other tenant gets its share by weight, but no more than it has work for; higher priorities come before all.
 * With a slot free the request joins the next step: only prompts that are under way and their shares stand before it.
 */
export function estimateFirstTokenMs(
  question: WaitQuestion,
  under: Iterable<PendingWork & { readonly isRunning: boolean }>,
  costs: StepCosts,
  shares: FairShares,
  { slots, freeSlots }: { readonly slots: number; readonly freeSlots: number },
): number {
  const { tenant, weight, priority, promptTokens, cachedTokens } = question;
  const start = Math.min(cachedTokens, promptTokens - 1);
  const prompt =
    costs.stepMs + costs.tokenMs * (promptTokens - start) + costs.readMs * readsOf(start, promptTokens - start);
  let before = 0;
  let own = 0;
  const others = new Map<string, number>();
  for (const work of under) {
    if (work.priority < priority) continue;
    const ms = remainingMs(freeSlots > 0 && work.isRunning ? { ...work, toGenerate: 0 } : work, costs, slots);
    if (work.priority > priority) before += ms;
    else if (work.tenant === tenant) own += ms;
    else others.set(work.tenant, (others.get(work.tenant) ?? 0) + ms);
  }
  let shared = 0;
  for (const [other, backlog] of others)
    shared += Math.min(backlog, ((own + prompt) * shares.weightOf(other)) / weight);
  return before + own + shared + prompt;
}
