import { StarlingError } from '@starling/core';
import { checkTerms } from './scheduling-terms.js';
import type { SequenceRequest } from './sequence.js';

/** How much may wait. Read each time that it matters: whoever gives it may change it. */
export interface QueueLimits {
  /** Requests that may wait beyond those that can start at once: the high watermark. */
  readonly queueLimit: number;
  /** Prompt tokens that may wait; one request may wait whatever its length. Default: no limit. */
  readonly queueTokenLimit?: number;
  /**
   * The low watermark: once the queue was full, requests are refused until no more than this many wait (and no more than the same part of
   * the tokens). Default: just below the high one, so that one that leaves makes room for one.
   */
  readonly resumeBelow?: number;
  /** Requests of one tenant that may wait, so that no tenant fills the queue. Default: no limit of its own. */
  readonly tenantQueueLimit?: number;
}

/** How much of a queue: what waits of a tenant, or what would have to leave. */
export interface QueuePart {
  readonly requests: number;
  readonly tokens: number;
}

/** How full the queue is when a request comes. */
export interface QueueLoad {
  readonly queued: number;
  /** Prompt tokens of those. */
  readonly queuedTokens: number;
  readonly running: number;
  readonly freeSlots: number;
  readonly queuedOfTenant: number;
}

/** Decides whether a request may wait: the high and the low watermark of the queue. */
export class AdmissionGate {
  readonly #limits: QueueLimits;
  readonly #tenantLimitOf: (tenant: string) => number | undefined;
  #isClosed = false;

  constructor(limits: QueueLimits, tenantLimitOf: (tenant: string) => number | undefined = () => undefined) {
    this.#limits = limits;
    this.#tenantLimitOf = tenantLimitOf;
  }

  /** False above the high watermark, until the queue is below the low one. */
  isOpen(load: QueueLoad): boolean {
    const { queueLimit, queueTokenLimit = Infinity, resumeBelow = queueLimit - 1 } = this.#limits;
    const waiting = waitingOf(load);
    const waitingTokens = waiting > 0 ? load.queuedTokens : 0;
    const low = this.#limits.resumeBelow === undefined || queueLimit === 0 ? 1 : resumeBelow / queueLimit;
    const lowTokens = queueTokenLimit === Infinity ? Infinity : low === 1 ? queueTokenLimit - 1 : queueTokenLimit * low;
    if (this.#isClosed && waiting <= resumeBelow && waitingTokens <= lowTokens) this.#isClosed = false;
    if (load.queued >= queueLimit + load.freeSlots || waitingTokens >= queueTokenLimit) this.#isClosed = true;
    return !this.#isClosed;
  }

  /**
   * The error that a request is refused with, or undefined if it may come in.
   * @param retryAfterMs asked when it is refused: when there may be room
   */
  refusal(
    load: QueueLoad,
    tenant: string,
    tokens: number,
    retryAfterMs: () => number | undefined,
  ): StarlingError | undefined {
    const { queueLimit, queueTokenLimit = Infinity } = this.#limits;
    const tenantQueueLimit = this.#tenantLimitOf(tenant) ?? this.#limits.tenantQueueLimit;
    const isTenants = load.queuedOfTenant >= (tenantQueueLimit ?? Infinity) + load.freeSlots;
    const isOpen = this.isOpen(load);
    const isTooLong = waitingOf(load) > 0 && load.queuedTokens + tokens > queueTokenLimit;
    if (!isTenants && isOpen && !isTooLong) return undefined;
    // Only the tenant's own figures: those of all would tell it of others.
    const own = `${load.queuedOfTenant} requests of this tenant wait`;
    const message = isTenants
      ? `${own}, at most ${tenantQueueLimit} may`
      : `the queue is full, and nobody in it has more of it than this tenant would have (${own}) or a lower priority`;
    const { queued, queuedTokens, queuedOfTenant, running } = load;
    const reason = isTenants ? 'rejected-tenant-limit' : 'rejected-saturated';
    const retry = retryAfterMs();
    return new StarlingError('queue_full', `${message}; no work was spent; retry later`, {
      details: {
        reason,
        workSpent: false,
        ...(retry === undefined ? {} : { retryAfterMs: retry }),
        queued,
        queuedTokens,
        queuedOfTenant,
        running,
        queueLimit,
        queueTokenLimit: this.#limits.queueTokenLimit,
        tenantQueueLimit,
      },
    });
  }

  /** What has to leave the full queue before a request of so many tokens may come in: one at least, since it is closed. */
  excess({ queued, queuedTokens, freeSlots }: QueueLoad, tokens: number): QueuePart {
    const { queueLimit, queueTokenLimit = Infinity } = this.#limits;
    return {
      requests: Math.max(1, queued + 1 - queueLimit - freeSlots),
      tokens: Math.max(0, queuedTokens + tokens - queueTokenLimit),
    };
  }
}

const waitingOf = ({ queued, freeSlots }: QueueLoad): number => Math.max(0, queued - freeSlots);

/**
 * Checks a request by itself.
 * @throws StarlingError invalid_argument for an empty prompt or terms that are none, context_length_exceeded for a prompt, or what an encoder reads of it, beyond the limit
 */
export function checkRequest(request: SequenceRequest, sequenceLimit: number, maxBatchTokens = Infinity): void {
  const { tokens, encoderTokens } = request;
  if (tokens.length === 0) throw new StarlingError('invalid_argument', 'a prompt needs at least one token');
  checkTerms(request);
  if (encoderTokens !== undefined && !(encoderTokens >= 1 && encoderTokens < tokens.length)) {
    throw new StarlingError(
      'invalid_argument',
      `an encoder is to read ${encoderTokens} of ${tokens.length} tokens: one at least must be read, and one be left`,
    );
  }
  if (encoderTokens !== undefined && encoderTokens > maxBatchTokens) {
    throw new StarlingError(
      'context_length_exceeded',
      `the text to be read has ${encoderTokens} tokens, which come in one step of at most ${maxBatchTokens}`,
      {
        details: { promptTokens: encoderTokens, limit: maxBatchTokens },
      },
    );
  }
  if (tokens.length > sequenceLimit) {
    throw new StarlingError(
      'context_length_exceeded',
      `the prompt has ${tokens.length} tokens, a sequence can have ${sequenceLimit}`,
      {
        details: { promptTokens: tokens.length, limit: sequenceLimit },
      },
    );
  }
}
