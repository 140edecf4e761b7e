import { StarlingError } from '@starling/core';
import type { SequenceRequest } from './sequence.js';

/** How much may wait. */
export interface QueueLimits {
  /** Requests that may wait beyond those that can start at once. */
  readonly queueLimit: number;
  /** Once the queue was full, requests are refused until no more than this many wait. Default: queueLimit, so that one that leaves makes room for one. */
  readonly resumeBelow?: number;
  /** Requests of one tenant that may wait, so that no tenant fills the queue. Default: no limit of its own. */
  readonly tenantQueueLimit?: number;
}

/** How full the queue is when a request comes. */
export interface QueueLoad {
  readonly queued: number;
  readonly running: number;
  readonly freeSlots: number;
  readonly queuedOfTenant: number;
}

/** Decides whether a request may wait: the high and the low watermark of the queue. */
export class AdmissionGate {
  readonly #limits: QueueLimits;
  #isClosed = false;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** The error that a request is refused with, or undefined if it may come in. */
  refusal(load: QueueLoad): StarlingError | undefined {
    const { queueLimit, tenantQueueLimit = Infinity } = this.#limits;
    const waiting = Math.max(0, load.queued - load.freeSlots);
    if (this.#isClosed && waiting <= (this.#limits.resumeBelow ?? queueLimit - 1)) this.#isClosed = false;
    const isFull = load.queued >= queueLimit + load.freeSlots;
    if (isFull) this.#isClosed = true;
    const isTenantFull = load.queuedOfTenant >= tenantQueueLimit + load.freeSlots;
    if (!this.#isClosed && !isTenantFull) return undefined;
    const limit = this.#isClosed ? queueLimit : tenantQueueLimit;
    const whose = this.#isClosed ? '' : ' of this tenant';
    return new StarlingError('queue_full', `${waiting} requests${whose} wait, at most ${limit} may (${load.running} are running); retry later`, {
      details: { queued: load.queued, queuedOfTenant: load.queuedOfTenant, running: load.running, queueLimit, tenantQueueLimit: this.#limits.tenantQueueLimit },
    });
  }
}

/**
 * Checks a request by itself.
 * @throws StarlingError invalid_argument for an empty prompt or a weight that is none, context_length_exceeded for a prompt beyond the limit
 */
export function checkRequest(request: SequenceRequest, sequenceLimit: number): void {
  const { tokens, weight = 1 } = request;
  if (tokens.length === 0) throw new StarlingError('invalid_argument', 'a prompt needs at least one token');
  if (!(weight > 0 && Number.isFinite(weight))) throw new StarlingError('invalid_argument', `a weight is a positive number, not ${weight}`);
  if (tokens.length > sequenceLimit) {
    throw new StarlingError('context_length_exceeded', `the prompt has ${tokens.length} tokens, a sequence can have ${sequenceLimit}`, {
      details: { promptTokens: tokens.length, limit: sequenceLimit },
    });
  }
}
