import type { Clock } from '@starling/core';
import type { KvCache } from '@starling/kvcache';
import type { QueueLimits } from './admission.js';
import type { DraftBudgetOptions } from './draft-budget.js';
import type { RunnerLimits } from './model-runner.js';
import type { TenantLimits } from './tenant-limits.js';

export interface SchedulerOptions extends QueueLimits, DraftBudgetOptions {
  readonly limits: RunnerLimits;
  /** Owner of the pages, and of what is kept for later sequences. */
  readonly cache: KvCache;
  /** Milliseconds between two tokens of an answer that steps aim at while prompts are computed beside it. Default: 2.5 times those of a step without prompts. */
  readonly targetInterTokenMs?: number;
  /** What each tenant may have; a function where tenants differ. */
  readonly tenantLimits?: TenantLimits | ((tenant: string) => TenantLimits);
  /** What a cached token costs a tenant, as a part of the price of a computed one. Default 0.01. */
  readonly cachedTokenPrice?: number;
  /** Prompt tokens of a step in which other sequences decode, in place of what `targetInterTokenMs` or its default comes to. */
  readonly promptTokensWhileDecoding?: number;
  readonly clock?: Clock;
}
