/** What a scheduler tells of its work, by the ids of requests. */
export type SchedulerEvent =
  | { readonly kind: 'queued'; readonly id: string; readonly tenant: string; readonly tokens: number }
  | { readonly kind: 'refused'; readonly id: string; readonly tenant: string; readonly code: 'queue_full' | 'context_length_exceeded' }
  /** It got a slot: the next plan may have tokens of it. `waitedMs` since it was submitted, or since it was preempted. */
  | { readonly kind: 'admitted'; readonly id: string; readonly waitedMs: number }
  /** Its pages were needed by others; it waits, and will be computed again from its tokens. */
  | { readonly kind: 'preempted'; readonly id: string; readonly tokens: number }
  | { readonly kind: 'ended'; readonly id: string; readonly reason: 'finished' | 'cancelled' | 'deadline' | 'failed' };

/** How full a scheduler is, now. */
export interface SchedulerStatistics {
  /** Requests that wait for their first step. */
  readonly queued: number;
  readonly queueLimit: number;
  /** Sequences that hold a slot. */
  readonly running: number;
  /** Sequences that have run and wait for a slot or for pages again. */
  readonly suspended: number;
}
