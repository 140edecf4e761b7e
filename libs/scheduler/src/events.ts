import type { TenantStatistics } from './tenant-statistics.js';

/** Why a request was not taken, or did not come to its end. `rejected-`: no work was spent on it, another try is safe and free; `evicted-`: work was spent. */
export type DropReason =
  /** The queue is above its high watermark, or has not fallen below the low one since. */
  | 'rejected-saturated'
  | 'rejected-tenant-limit'
  /** It waited in a full queue, and gave its place to a tenant with less of the queue, or to a higher priority. */
  | 'rejected-displaced'
  | 'rejected-rate-limit'
  /** The estimate says that its deadline, or its longest wait, cannot be met. */
  | 'rejected-deadline'
  /** Its deadline, or its longest wait, passed while it was in the queue. */
  | 'rejected-ttl-expired'
  | 'rejected-context-length'
  /** As `rejected-displaced`, a part of a request of which other parts may have run. */
  | 'evicted-displaced'
  /** Its deadline passed after its first step. */
  | 'evicted-deadline';

/** What a scheduler tells of requests and steps, by the ids of requests. Whoever owns it hands it on in these words. */
export type WorkEvent =
  /** It was refused (`code` is that of its error), or it was taken and ended for want of time; then `sequence_ended` follows. */
  | {
      readonly kind: 'request_dropped';
      readonly id: string;
      readonly tenant: string;
      readonly reason: DropReason;
      readonly code?: RefusalCode;
    }
  /** Its slot was needed by a tenant with less than its share of them; it waits, and keeps its pages while there is room. */
  | { readonly kind: 'request_paused'; readonly id: string }
  /** Its pages were needed by others; it waits, and will be computed again from its tokens. */
  | { readonly kind: 'request_preempted'; readonly id: string; readonly tokens: number }
  /** A step took `durationMs`, and the estimate was off by this part of it. */
  | { readonly kind: 'step_estimated'; readonly durationMs: number; readonly errorRatio: number };

/** The codes of errors that requests are refused with. */
export type RefusalCode = 'queue_full' | 'rate_limited' | 'deadline_exceeded' | 'context_length_exceeded';

/** The same, and where each sequence is. */
export type SchedulerEvent =
  | WorkEvent
  | { readonly kind: 'sequence_queued'; readonly id: string; readonly tenant: string; readonly tokens: number }
  /** What slower storage had of its beginning is there, or cannot be had: it waits for a slot now. */
  | { readonly kind: 'sequence_ready'; readonly id: string }
  /** It got a slot: the next plan may have tokens of it. `waitedMs` since it was submitted, or since it lost its slot. */
  | { readonly kind: 'sequence_admitted'; readonly id: string; readonly waitedMs: number }
  | {
      readonly kind: 'sequence_ended';
      readonly id: string;
      readonly reason: 'finished' | 'cancelled' | 'deadline' | 'failed';
    };

/** How full a scheduler is, now. */
export interface SchedulerStatistics {
  /** Requests that wait for their first step, those included whose beginning is being brought back. */
  readonly queued: number;
  /** Prompt tokens of those. */
  readonly queuedTokens: number;
  readonly queueLimit: number;
  /** Sequences that hold a slot. */
  readonly running: number;
  /** Sequences that have run and wait for a slot or for pages again. */
  readonly suspended: number;
  /** Sequences of the owner's own (`isInternal`) that wait or run, in no other count. */
  readonly internal: number;
  /** Requests whose beginning is being brought back from slower storage. */
  readonly restoring: number;
  /** False from the high watermark of the queue on, until it is below the low one: requests are refused. */
  readonly isAccepting: boolean;
  /** Mean of |estimated - measured| / measured over the last steps; undefined before there are any. */
  readonly estimateErrorRatio: number | undefined;
  /** Those that have work under way, or had some a short while ago. */
  readonly tenants: readonly TenantStatistics[];
}
