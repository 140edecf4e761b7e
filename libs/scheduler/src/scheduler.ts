import { Emitter, StarlingError, assert, monotonicClock, type Clock, type Listener } from '@starling/core';
import type { KvCache } from '@starling/kvcache';
import { AdmissionGate, checkRequest, type QueueLimits } from './admission.js';
import { displacement, type Newcomer } from './displacement.js';
import type { Draft } from './draft.js';
import { Arrivals, orDropped, waitedTooLong } from './arrivals.js';
import type { DropReason, SchedulerEvent, SchedulerStatistics } from './events.js';
import { FairQueue } from './fair-queue.js';
import { FairShares } from './fair-shares.js';
import { PreemptionOrder } from './preemption.js';
import { RunSet } from './run-set.js';
import type { SchedulerOptions } from './scheduler-options.js';
import { countsOf } from './sequence-counts.js';
import { ScheduledSequence, type SequenceEnd, type SequenceHandle, type SequenceRequest } from './sequence.js';
import { StepChoice } from './step-choice.js';
import { makeStepPlan, type PlannedSequence, type StateSave, type StepPlan } from './step-plan.js';
import { TokenRates } from './tenant-limits.js';
import { tenantStatistics } from './tenant-statistics.js';
import { WorkLedger } from './work-ledger.js';

/**
 * Continuous batching: decides before each step which tokens of which sequences it computes.
 *
 * The owner repeats: `plan()`, run the batch, `commit(plan)`, then for each complete sequence `append`, `fork`, `park`, `hold` or `finish`.
 * Between plan and commit the scheduler frees and moves no page of the step's sequences.
 *
 * - All sequences that decode are in every step; prompts share what the token budget leaves, in chunks. What is embedded has steps of its own.
 * - Tenants share the time of steps by weight (FairShares): in the queue, in the tokens of a step, and when room has to be made.
 * - A sequence needs a slot and pages. The first in rank of those that run (priority, then arrival) always gets its pages (PreemptionOrder);
 *   who loses them is computed again later. So something always moves, and all end.
 */
export class Scheduler {
  readonly #contextLength: number;
  readonly #maxBatchTokens: number;
  readonly #cache: KvCache;
  readonly #queueLimits: QueueLimits;
  readonly #shares = new FairShares();
  readonly #ledger: WorkLedger;
  readonly #order: PreemptionOrder;
  readonly #arrivalsGate: Arrivals;
  readonly #rates: TokenRates;
  readonly #clock: Clock;
  readonly #events = new Emitter<SchedulerEvent>();
  readonly #set: RunSet;
  readonly #choice: StepChoice;
  readonly #internalTenants = new Set<string>();
  #arrivals = 0;
  #plan: StepPlan | undefined;
  #planMade = 0;
  /** No deadline and no longest wait passes before this. */
  #nextExpiry = Infinity;

  /** @throws StarlingError invalid_argument if a step cannot hold one token of every sequence */
  constructor(options: SchedulerOptions) {
    const { limits, cache } = options;
    if (limits.maxBatchTokens < limits.maxSequences)
      throw new StarlingError(
        'invalid_argument',
        `a step of ${limits.maxBatchTokens} tokens must have room for one token of each of ${limits.maxSequences} sequences`,
      );
    this.#cache = cache;
    this.#queueLimits = options;
    this.#clock = options.clock ?? monotonicClock;
    const { tenantLimits = {} } = options;
    const limitsOf = typeof tenantLimits === 'function' ? tenantLimits : () => tenantLimits;
    this.#ledger = new WorkLedger(this.#shares, options.cachedTokenPrice);
    this.#order = new PreemptionOrder(this.#shares, (tokens) => this.#ledger.estimate(0, tokens));
    this.#rates = new TokenRates(this.#clock, (tenant) => limitsOf(tenant).tokensPerMinute ?? Infinity);
    this.#set = new RunSet({
      slots: limits.maxSequences,
      cache,
      queue: new FairQueue(this.#shares),
      order: this.#order,
      // One at least: else its requests would wait for ever.
      runningLimitOf: (tenant) => Math.max(1, limitsOf(tenant).running ?? Infinity),
    });
    this.#choice = new StepChoice({
      set: this.#set,
      order: this.#order,
      shares: this.#shares,
      estimator: this.#ledger.estimator,
      limits,
      budget: options,
      reserve: (sequence, tokens) => this.#reserve(sequence, tokens),
    });
    this.#arrivalsGate = new Arrivals({
      set: this.#set,
      shares: this.#shares,
      estimator: this.#ledger.estimator,
      gate: new AdmissionGate(options, (tenant) => limitsOf(tenant).queued),
      rates: this.#rates,
      limits: options,
      slots: limits.maxSequences,
    });
    this.#maxBatchTokens = limits.maxBatchTokens;
    this.#contextLength = limits.contextLength;
  }

  /** Adds a listener for telemetry; the returned function takes it off again. */
  on(listener: Listener<SchedulerEvent>): () => void {
    return this.#events.on(listener);
  }

  /** Tokens that one sequence can have: the context, or all pages if those hold less. Pages that are held for all tenants are not for one. */
  get sequenceLimit(): number {
    const { arena, sharedPages } = this.#cache;
    return Math.min(this.#contextLength, (arena.pageCount - sharedPages) * arena.pageTokens);
  }

  /** True when nothing waits and nothing runs. */
  get isIdle(): boolean {
    return this.#set.size === 0;
  }

  statistics(): SchedulerStatistics {
    return {
      ...countsOf(this.#set),
      queueLimit: this.#queueLimits.queueLimit,
      isAccepting: this.#arrivalsGate.isOpen,
      estimateErrorRatio: this.#ledger.estimator.errorRatio,
      tenants: tenantStatistics(this.#shares, this.#set, this.#internalTenants),
    };
  }

  /** Tells before a request is prepared whether it would be refused for want of room. @throws StarlingError queue_full or rate_limited, with figures */
  checkQueue(newcomer: Omit<Newcomer, 'tokens'> = {}, id = ''): void {
    orDropped(this.#events, { id, tenant: newcomer.tenant }, () =>
      this.#arrivalsGate.makeRoom({ ...newcomer, tokens: 0 }),
    );
  }

  /**
   * Takes a request into the queue. Where that is full, one of a tenant with more of it, or of a lower priority, may give its place (`displacedBy`).
   * @throws StarlingError with `details.reason`, `details.workSpent` and (where it can be told) `details.retryAfterMs`: queue_full, rate_limited,
   *   deadline_exceeded if the estimate says that its deadline or longest wait cannot be met; context_length_exceeded with the limit,
   *   invalid_argument for an empty prompt or terms that are none
   */
  submit(request: SequenceRequest): SequenceHandle {
    const tenant = request.tenant ?? '';
    const displaced = orDropped(this.#events, request, () => {
      checkRequest(request, this.sequenceLimit, this.#maxBatchTokens);
      return this.#arrivalsGate.admit(request, this.#clock());
    });
    for (const victim of displaced) {
      const { reason, error } = displacement(victim, this.#arrivalsGate.retryAfterMs());
      this.#drop(victim, reason, { kind: 'failed', error });
    }
    const sequence = new ScheduledSequence(request, this.#cache.newSequence(), this.#arrivals++, this.#clock());
    if (request.isInternal === true) this.#internalTenants.add(tenant);
    this.#shares.enter(sequence, request.weight ?? 1);
    this.#rates.spend(tenant, sequence.promptLength);
    this.#set.enter(sequence, () => {
      sequence.restoreMs = this.#clock() - sequence.waitingSince;
      this.#events.emit({ kind: 'sequence_ready', id: sequence.id });
    });
    this.#expireAt(Math.min(request.deadline ?? Infinity, request.startBy ?? Infinity));
    this.#events.emit({ kind: 'sequence_queued', id: request.id, tenant, tokens: request.tokens.length });
    return sequence;
  }

  /**
   * A second continuation of a complete sequence, beginning with `token`; what was computed is shared, but for drafts:
   * nobody goes on from those. It waits for a slot if none is free.
   * With recurrent layers, its state there must have been kept (as it is at the end of a prompt).
   */
  fork(handle: SequenceHandle, request: Pick<SequenceRequest, 'id' | 'onEnd'>, token: number): SequenceHandle {
    const parent = this.#own(handle);
    assert(parent.state !== 'ended' && parent.pending === 0, `sequence ${parent.id} is complete when it is forked`);
    parent.dropDrafts();
    const sequence = new ScheduledSequence(
      { ...parent.request, ...request },
      parent.kv.fork(),
      this.#arrivals++,
      this.#clock(),
      parent.tokens(0, parent.length),
    );
    if (this.#cache.stateBytes > 0) {
      assert(
        parent.lastState?.position === parent.length,
        `the state of sequence ${parent.id} was kept where it is forked`,
      );
      sequence.restore = parent.lastState;
    }
    sequence.wasMatched = true;
    sequence.cachedTokens = parent.cachedTokens;
    sequence.append(token);
    sequence.hasStarted = true;
    this.#shares.enter(sequence, parent.request.weight ?? 1);
    this.#rates.spend(sequence.tenant, 1);
    this.#set.suspend(sequence);
    return sequence;
  }

  /**
   * Gives a complete sequence its next token, to be computed in the next step, unless it is the next of the drafts that the last step computed: then
   * the sequence is complete again, and the next row of that step predicts what follows. Does nothing if it has ended.
   */
  append(handle: SequenceHandle, token: number): void {
    const sequence = this.#own(handle);
    if (sequence.state === 'ended') return;
    assert(sequence.pending === 0 || sequence.isParked, `sequence ${sequence.id} is complete when a token is appended`);
    assert(sequence.length < this.sequenceLimit, `sequence ${sequence.id} has room for another token`);
    sequence.isParked = false;
    sequence.append(token);
    this.#rates.spend(sequence.tenant, 1);
  }

  /** Tells what may follow the token that was appended last: the next step computes as much of it as is likely to pay. Does nothing if it does not decode. */
  propose(handle: SequenceHandle, draft: Draft): void {
    const sequence = this.#own(handle);
    if (sequence.state === 'running' && sequence.isDecoding)
      sequence.expect(draft, this.sequenceLimit - sequence.length);
  }

  /** Charges a sequence's tenant for milliseconds that drafts for it took to make, beside the steps. Does nothing if it has ended. */
  chargeDrafts(handle: SequenceHandle, ms: number): void {
    if (handle.state !== 'ended') this.#ledger.beside(this.#own(handle), ms);
  }

  /** What the next step is likely to take: for drafts that cost time to make. */
  readonly draftOutlook = (): ReturnType<StepChoice['outlook']> => this.#choice.outlook();

  /**
   * Takes a complete sequence out of its slot until it is given a token: others run meanwhile. For owners whose readers fall behind.
   * It keeps its pages while nobody needs them. Does nothing if it has ended.
   */
  park(handle: SequenceHandle): void {
    const sequence = this.#own(handle);
    if (sequence.state === 'ended' || (sequence.isParked && sequence.state !== 'running')) return;
    assert(sequence.pending === 0 && !sequence.isInStep, `sequence ${sequence.id} is complete when it is parked`);
    sequence.dropDrafts();
    this.#ledger.refund(sequence);
    sequence.waitingSince = this.#clock();
    this.#set.park(sequence);
  }

  /** Leaves a complete sequence in its slot, and out of steps until it is given a token: for owners that take long to choose it. Does nothing if it has ended. */
  hold(handle: SequenceHandle): void {
    const sequence = this.#own(handle);
    if (sequence.state === 'ended') return;
    assert(sequence.pending === 0 && !sequence.isInStep, `sequence ${sequence.id} is complete when it is held`);
    sequence.dropDrafts();
    sequence.isParked = true;
  }

  /** Ends a sequence that needs no more tokens and frees its pages. Does nothing if it has ended. */
  finish(handle: SequenceHandle): void {
    this.#end(this.#own(handle), { kind: 'finished' });
  }

  /** Ends a sequence wherever it is: at once, or when the step that works on it is committed. Does nothing if it has ended. */
  cancel(handle: SequenceHandle): void {
    this.#end(this.#own(handle), { kind: 'cancelled' });
  }

  /** Ends a sequence with an error: at once, or with the step that works on it. Does nothing if it has ended. */
  fail(handle: SequenceHandle, error: StarlingError): void {
    this.#end(this.#own(handle), { kind: 'failed', error });
  }

  /** Ends all sequences with an error. */
  failAll(error: StarlingError): void {
    for (const sequence of this.#set.all()) this.#end(sequence, { kind: 'failed', error });
  }

  /** The next step, with its pages reserved; undefined if there is nothing to compute. Each plan must be committed or rolled back before the next. */
  plan(): StepPlan | undefined {
    assert(this.#plan === undefined, 'a plan is committed or rolled back before the next one is made');
    const now = this.#clock();
    if (now >= this.#nextExpiry) this.#expire(now);
    for (;;) {
      this.#admit(now);
      const before = this.#set.size;
      const chosen = this.#choice.next();
      if (chosen.length > 0) {
        for (const { sequence, tokens } of chosen) {
          sequence.isInStep = true;
          if (tokens > sequence.pending) this.#set.saveFallback(sequence);
        }
        this.#plan = makeStepPlan(chosen, { saves: this.#set.takeSaves(), copies: this.#cache.takeCopies() });
        this.#planMade = this.#clock();
        return this.#plan;
      }
      if (this.#set.size === before) return undefined;
    }
  }

  /**
   * Notes that a step was computed.
   * @param waitedMs of its time, what it stood still for others: it is nobody's share
   */
  commit(plan: StepPlan, waitedMs = 0): void {
    assert(
      plan.copies.length === 0 && plan.saves.length === 0,
      'states are kept and page copies are made before the step',
    );
    const durationMs = this.#clock() - this.#planMade;
    const parts = plan.sequences.map(({ sequence, startPosition, tokens, isComplete }) => ({
      holder: this.#own(sequence),
      startPosition,
      tokens,
      isComplete,
    }));
    this.#choice.stepped(plan, durationMs);
    const errorRatio = this.#ledger.stepped(parts, durationMs, waitedMs);
    if (errorRatio !== undefined) this.#events.emit({ kind: 'step_estimated', durationMs, errorRatio });
    this.#closePlan(plan, (sequence, { tokens: all, drafted }) => {
      const tokens = all - drafted;
      sequence.kv.commit(tokens);
      sequence.computedDrafts(drafted);
      sequence.restore = undefined;
      this.#set.slide(sequence);
      if (sequence.stops.includes(sequence.computed)) this.#set.saveState(sequence);
      else if (sequence.computed - tokens < sequence.promptLength && sequence.computed >= sequence.promptLength)
        this.#set.donate(sequence, false);
    });
  }

  /** Notes that a step was not computed: it will be planned again. With `recompute`, from the first token (when what came before is lost too). */
  rollback(plan: StepPlan, options: { recompute?: boolean } = {}): void {
    this.#cache.returnCopies(plan.copies);
    this.#closePlan(plan, (sequence) => {
      sequence.dropDrafts();
      if (options.recompute === true) sequence.restore = undefined;
      sequence.kv.truncate(options.recompute === true ? 0 : sequence.kv.length);
    });
  }

  /** States of recurrent layers that are to be kept: to be taken after each commit, and saved at once. What is left comes with the next plan. */
  takeSaves(): StateSave[] {
    return this.#set.takeSaves();
  }

  /**
   * Checks what must hold between any two calls: slots and pages have the owners they should have, and every sequence is in one place.
   * @param heldOutside page tables of holders beside this scheduler
   * @throws StarlingError internal with what is broken
   */
  checkIntegrity(heldOutside: readonly ArrayLike<number>[] = []): void {
    this.#set.checkIntegrity(heldOutside);
    this.#shares.checkIntegrity();
    assert(this.#ledger.reserved <= this.#set.running.size, 'only sequences that run have work reserved');
  }

  #admit(now: number): void {
    for (;;) {
      const sequence = this.#set.admitNext((loser) => {
        loser.waitingSince = now;
        loser.preemptions++;
        this.#ledger.refund(loser);
        this.#events.emit({ kind: 'request_paused', id: loser.id });
      });
      if (sequence === undefined) return;
      if (!sequence.hasStarted && sequence.computed > 0) this.#ledger.cached(sequence, sequence.computed);
      this.#ledger.admitted(sequence, sequence.computed, sequence.pending);
      if (sequence.hasStarted) sequence.suspendedMs += now - sequence.waitingSince;
      this.#events.emit({ kind: 'sequence_admitted', id: sequence.id, waitedMs: now - sequence.waitingSince });
    }
  }

  #expireAt(moment: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, moment);
  }

  /** Ends what is too late, and looks when the next will be. */
  #expire(now: number): void {
    this.#nextExpiry = Infinity;
    for (const sequence of this.#set.all()) {
      const { deadline = Infinity, startBy = Infinity } = sequence.request;
      const hasBegun = sequence.hasStarted;
      const isLate = now >= deadline;
      if (!isLate && (hasBegun || now < startBy)) {
        this.#expireAt(Math.min(deadline, hasBegun ? Infinity : startBy));
        continue;
      }
      const reason = hasBegun ? 'evicted-deadline' : 'rejected-ttl-expired';
      this.#drop(
        sequence,
        reason,
        hasBegun
          ? { kind: 'deadline' }
          : {
              kind: 'failed',
              error: waitedTooLong(
                Math.min(deadline, startBy) - sequence.waitingSince,
                now - sequence.waitingSince,
                this.#arrivalsGate.retryAfterMs(),
              ),
            },
      );
    }
  }

  /** Reserves pages, preempting whom it may. False: it sits this step out, or has failed because even alone it has no room. */
  #reserve(sequence: ScheduledSequence, tokens: number): boolean {
    const hasRoom = this.#set.makeRoom(sequence, tokens, (victim, lost, hadSlot) => {
      if (hadSlot) victim.waitingSince = this.#clock();
      victim.preemptions++;
      this.#ledger.refund(victim);
      this.#events.emit({ kind: 'request_preempted', id: victim.id, tokens: lost });
    });
    const error = hasRoom ? undefined : sequence.kv.shortage(tokens);
    if (hasRoom) sequence.kv.reserve(tokens);
    else if (error && !this.#set.othersHoldPages(sequence)) this.#end(sequence, { kind: 'failed', error });
    return hasRoom;
  }

  #closePlan(plan: StepPlan, settle: (sequence: ScheduledSequence, planned: PlannedSequence) => void): void {
    assert(plan === this.#plan, 'the plan that is closed is the one that is open');
    this.#plan = undefined;
    for (const planned of plan.sequences) {
      const sequence = this.#own(planned.sequence);
      settle(sequence, planned);
      sequence.isInStep = false;
      sequence.hasStarted = true;
      if (sequence.pendingEnd) this.#end(sequence, sequence.pendingEnd);
    }
  }

  #drop(sequence: ScheduledSequence, reason: DropReason, end: SequenceEnd): void {
    if (sequence.state === 'ended') return;
    this.#events.emit({ kind: 'request_dropped', id: sequence.id, tenant: sequence.tenant, reason });
    this.#end(sequence, end);
  }

  #end(sequence: ScheduledSequence, end: SequenceEnd): void {
    if (sequence.state === 'ended') return;
    if (sequence.isInStep) {
      sequence.pendingEnd ??= end;
      return;
    }
    this.#ledger.refund(sequence);
    this.#shares.leave(sequence);
    if (end.kind === 'finished') this.#arrivalsGate.finished(sequence);
    sequence.dropDrafts();
    if (end.kind !== 'failed') {
      // Also of a prompt that was given up: whoever gives up comes again.
      if (sequence.state === 'running') this.#set.saveState(sequence);
      this.#set.donate(sequence, true);
    }
    this.#set.remove(sequence);
    this.#events.emit({ kind: 'sequence_ended', id: sequence.id, reason: end.kind });
    sequence.request.onEnd?.(end);
  }

  #own(handle: SequenceHandle): ScheduledSequence {
    assert(handle instanceof ScheduledSequence, 'a sequence handle comes from submit or fork');
    return handle;
  }
}
