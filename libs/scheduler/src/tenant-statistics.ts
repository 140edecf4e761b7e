import type { FairShares } from './fair-shares.js';
import type { RunSet } from './run-set.js';

/** What one tenant has of a scheduler, now. */
export interface TenantStatistics {
  readonly tenant: string;
  readonly weight: number;
  readonly queued: number;
  /** Sequences that hold a slot. */
  readonly running: number;
  /** Milliseconds of steps, and of those of a draft model, that it had since it came; begins anew when it was away for long. What cached tokens cost it is not in it. */
  readonly servedMs: number;
}

/** Tenants that are remembered, each with what it has. @param internal those that are left out */
export function tenantStatistics(
  shares: FairShares,
  { running, queue }: Pick<RunSet, 'running' | 'queue'>,
  internal: ReadonlySet<string>,
): TenantStatistics[] {
  const slots = new Map<string, number>();
  for (const { tenant } of running) slots.set(tenant, (slots.get(tenant) ?? 0) + 1);
  return [...shares.tenants()]
    .filter((tenant) => !internal.has(tenant))
    .map((tenant) => ({
      tenant,
      weight: shares.weightOf(tenant),
      queued: queue.tallyOf(tenant).length,
      running: slots.get(tenant) ?? 0,
      servedMs: shares.servedOf(tenant),
    }));
}
