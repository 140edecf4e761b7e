import { StarlingError, isStarlingError, type Emitter } from '@starling/core';
import type { AdmissionGate, QueueLimits } from './admission.js';
import { coarseMs } from './coarse-time.js';
import { displacedBy, type Newcomer } from './displacement.js';
import type { DropReason, RefusalCode, SchedulerEvent } from './events.js';
import type { FairShares } from './fair-shares.js';
import type { RunSet } from './run-set.js';
import { boundedPriority } from './scheduling-terms.js';
import type { ScheduledSequence, SequenceRequest } from './sequence.js';
import type { StepTimeEstimator } from './step-cost.js';
import type { TokenRates } from './tenant-limits.js';
import { estimateFirstTokenMs, remainingMs, type PendingWork } from './wait-estimate.js';

export interface ArrivalParts {
  readonly set: RunSet;
  readonly shares: FairShares;
  readonly estimator: StepTimeEstimator;
  readonly gate: AdmissionGate;
  readonly rates: TokenRates;
  readonly limits: QueueLimits;
  readonly slots: number;
}

/** Tokens that an answer is taken to have before any has ended. */
const FIRST_GUESS_TOKENS = 64;

/** How much the newest answer counts. */
const ANSWER_WEIGHT = 0.05;

/** Decides whether a request may come in: room in the queue, its tenant's limits, and whether it can be served in time. */
export class Arrivals {
  readonly #parts: ArrivalParts;
  #meanAnswerTokens = FIRST_GUESS_TOKENS;

  constructor(parts: ArrivalParts) {
    this.#parts = parts;
  }

  /** False from the high watermark on, until the queue is below the low one. */
  get isOpen(): boolean {
    return this.#parts.gate.isOpen(this.#parts.set.load(''));
  }

  /** A sequence came to its end by itself: how long answers are. */
  finished({ length, promptLength, request }: ScheduledSequence): void {
    // What is embedded or scored has no answer.
    if (request.maxTokens === 0) return;
    this.#meanAnswerTokens += ANSWER_WEIGHT * (length - promptLength - this.#meanAnswerTokens);
  }

  /**
   * Those that have to leave the queue so that a request may come in: none, where there is room.
   * @throws StarlingError queue_full or rate_limited
   */
  makeRoom(newcomer: Newcomer): readonly ScheduledSequence[] {
    const { gate, set, rates, limits, shares } = this.#parts;
    const { tenant = '', tokens } = newcomer;
    const load = set.load(tenant);
    const full = gate.refusal(load, tenant, tokens, () => this.retryAfterMs());
    const waiting = [...set.queue, ...set.restoring.keys()];
    const displaced =
      full?.details.reason === ('rejected-saturated' satisfies DropReason)
        ? displacedBy(newcomer, gate.excess(load, tokens), {
            limits,
            waiting,
            weightOf: (name) => shares.weightOf(name),
          })
        : [];
    const refusal = displaced === undefined || (full && displaced.length === 0) ? full : rates.refusal(tenant, tokens);
    if (refusal) throw refusal;
    return displaced ?? [];
  }

  /** Those that have to leave the queue for a request. @throws StarlingError that it is refused with */
  admit(request: SequenceRequest, now: number): readonly ScheduledSequence[] {
    if (request.isAdmitted === true) return [];
    const { tenant, weight, priority, maxPriority, tokens } = request;
    const displaced = this.makeRoom({ tenant, weight, priority, maxPriority, tokens: tokens.length });
    const late = this.#timeRefusal(request, now);
    if (late) throw late;
    return displaced;
  }

  /** When there may be room again, coarsely: the time of the work that has to leave the queue first. Undefined before anything was measured. */
  retryAfterMs(): number | undefined {
    const { set, estimator, slots, limits } = this.#parts;
    if (!estimator.isFitted) return undefined;
    const { queueLimit, resumeBelow = queueLimit - 1 } = limits;
    let ms = 0;
    for (const sequence of set.queue) ms += remainingMs(this.#pendingOf(sequence), estimator.costs, slots);
    const { length } = set.queue;
    return coarseMs((ms * Math.max(1, length - Math.max(0, resumeBelow))) / Math.max(1, length));
  }

  #timeRefusal(request: SequenceRequest, now: number): StarlingError | undefined {
    const { set, shares, estimator, slots } = this.#parts;
    const { deadline = Infinity, startBy = Infinity, tenant = '', weight = 1, cachedTokens = 0, tokens } = request;
    if (!estimator.isFitted || (deadline === Infinity && startBy === Infinity)) return undefined;
    const { freeSlots, queued } = set.load(tenant);
    const question = { tenant, weight, priority: boundedPriority(request), promptTokens: tokens.length, cachedTokens };
    const work = set.all().map((sequence) => ({ ...this.#pendingOf(sequence), isRunning: set.running.has(sequence) }));
    const places = { slots, freeSlots: Math.max(0, freeSlots - queued) };
    const firstTokenMs = estimateFirstTokenMs(question, work, estimator.costs, shares, places);
    const aloneMs = estimateFirstTokenMs(question, [], estimator.costs, shares, { slots, freeSlots: slots });
    const ownMs = Math.round(
      estimateFirstTokenMs(
        question,
        work.filter((one) => one.tenant === tenant),
        estimator.costs,
        shares,
        places,
      ),
    );
    const waitMs = firstTokenMs - aloneMs;
    const late = Math.max(firstTokenMs - (deadline - now), waitMs - (startBy - now));
    // Work that waits is gone after its time; what the request needs by itself no wait makes shorter.
    if (!(late > 0)) return undefined;
    // The tenant's own figures: those of all would tell it of others.
    const details = {
      reason: 'rejected-deadline',
      workSpent: false,
      ownMs,
      retryAfterMs: coarseMs(Math.min(late, waitMs)),
    };
    return new StarlingError(
      'deadline_exceeded',
      `it would begin, or have its first token, later than it allows: with what this tenant has under way it would take about ${ownMs} ms if nobody else had work; give more time, or retry later`,
      { details },
    );
  }

  #pendingOf({
    tenant,
    priority,
    computed,
    length,
    promptLength,
    cachedTokens,
    request,
  }: ScheduledSequence): PendingWork {
    const toGenerate = Math.max(
      0,
      Math.min(request.maxTokens ?? Infinity, this.#meanAnswerTokens) - (length - promptLength),
    );
    return { tenant, priority, computed, length, cachedTokens, toGenerate };
  }
}

/** The error of a request that was dropped from the queue. */
export function waitedTooLong(allowedMs: number, waitedMs: number, retryAfterMs: number | undefined): StarlingError {
  return new StarlingError(
    'deadline_exceeded',
    `no step began within the ${Math.round(allowedMs)} ms that it was willing to wait; give more time, or retry later`,
    {
      details: {
        reason: 'rejected-ttl-expired' satisfies DropReason,
        workSpent: false,
        waitedMs: Math.round(waitedMs),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
    },
  );
}

/** Does what may refuse a request, and tells of it where it does. */
export function orDropped<Result>(
  events: Emitter<SchedulerEvent>,
  { id, tenant = '' }: Pick<SequenceRequest, 'id' | 'tenant'>,
  admit: () => Result,
): Result {
  try {
    return admit();
  } catch (error) {
    const reason = refusalReason(error);
    if (reason) events.emit({ kind: 'request_dropped', id, tenant, ...reason });
    throw error;
  }
}

/** What the event of a refusal says; undefined for errors that are none. */
function refusalReason(error: unknown): { readonly code: RefusalCode; readonly reason: DropReason } | undefined {
  if (isStarlingError(error, 'context_length_exceeded'))
    return { code: 'context_length_exceeded', reason: 'rejected-context-length' };
  if (!isStarlingError(error)) return undefined;
  const { code, details } = error;
  if (code !== 'queue_full' && code !== 'rate_limited' && code !== 'deadline_exceeded') return undefined;
  return { code, reason: details.reason as DropReason };
}
