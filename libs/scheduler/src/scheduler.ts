import { Emitter, StarlingError, assert, isStarlingError, monotonicClock, type Clock, type Listener } from '@starling/core';
import { KvSequence, type PageArena } from '@starling/kvcache';
import { AdmissionGate, checkRequest, type QueueLimits } from './admission.js';
import { divideBudget } from './divide-budget.js';
import type { SchedulerEvent, SchedulerStatistics } from './events.js';
import type { RunnerLimits } from './model-runner.js';
import { RunSet } from './run-set.js';
import { ScheduledSequence, byRank, type SequenceEnd, type SequenceHandle, type SequenceRequest } from './sequence.js';
import { makeStepPlan, type StepPlan } from './step-plan.js';

export interface SchedulerOptions extends QueueLimits {
  readonly limits: RunnerLimits;
  readonly arena: PageArena;
  /** Prompt tokens of a step in which other sequences decode, so that they need not wait long for it. Default: a quarter of maxBatchTokens. */
  readonly promptTokensWhileDecoding?: number;
  /** Asked to free pages that are held outside (cached prefixes, idle sessions) before a sequence is preempted; gives the number freed. */
  readonly reclaim?: (pages: number) => number;
  readonly clock?: Clock;
}

/**
 * Continuous batching: decides before each step which tokens of which sequences it computes.
 *
 * The owner repeats: `plan()`, run the batch, `commit(plan)`, then for each sequence that is complete `append` the next token, `fork`, or `finish`.
 * Between plan and commit the scheduler frees and moves no page of the step's sequences.
 *
 * - All sequences that decode are in every step; prompts share what the token budget leaves, in chunks.
 * - A sequence needs a slot and pages. The highest-ranked one (priority, then arrival) always gets its pages: suspended sequences lose theirs
 *   first, then running ones of lower rank, the lowest first; they are computed again later. So something always moves, and all end.
 */
export class Scheduler {
  /** Tokens that one sequence can have: the context, or all pages if those hold less. */
  readonly sequenceLimit: number;
  readonly #limits: RunnerLimits;
  readonly #arena: PageArena;
  readonly #queueLimit: number;
  readonly #promptTokensWhileDecoding: number;
  readonly #clock: Clock;
  readonly #events = new Emitter<SchedulerEvent>();
  readonly #gate: AdmissionGate;
  readonly #set: RunSet;
  #arrivals = 0;
  #plan: StepPlan | undefined;

  /** @throws StarlingError invalid_argument if a step cannot hold one token of every sequence */
  constructor(options: SchedulerOptions) {
    const { limits, arena } = options;
    if (limits.maxBatchTokens < limits.maxSequences) {
      throw new StarlingError('invalid_argument', `a step of ${limits.maxBatchTokens} tokens must have room for one token of each of ${limits.maxSequences} sequences`);
    }
    this.#limits = limits;
    this.#arena = arena;
    this.#queueLimit = options.queueLimit;
    this.#promptTokensWhileDecoding = Math.max(1, options.promptTokensWhileDecoding ?? Math.ceil(limits.maxBatchTokens / 4));
    this.#clock = options.clock ?? monotonicClock;
    this.#gate = new AdmissionGate(options);
    this.#set = new RunSet(limits.maxSequences, arena, options.reclaim ?? (() => 0));
    this.sequenceLimit = Math.min(limits.contextLength, arena.pageCount * arena.pageTokens);
  }

  /** Adds a listener for telemetry; the returned function takes it off again. */
  on(listener: Listener<SchedulerEvent>): () => void {
    return this.#events.on(listener);
  }

  /** True when nothing waits and nothing runs. */
  get isIdle(): boolean {
    return this.#set.size === 0;
  }

  statistics(): SchedulerStatistics {
    return { queued: this.#set.queue.length, queueLimit: this.#queueLimit, running: this.#set.running.size, suspended: this.#set.suspended.length };
  }

  /** Tells before a request is prepared whether it would be refused for want of room. @throws StarlingError queue_full with figures */
  checkQueue(tenant = ''): void {
    const refusal = this.#gate.refusal(this.#set.load(tenant));
    if (refusal) throw refusal;
  }

  /**
   * Takes a request into the queue.
   * @throws StarlingError queue_full with figures, context_length_exceeded with the limit, invalid_argument for an empty prompt
   */
  submit(request: SequenceRequest): SequenceHandle {
    const tenant = request.tenant ?? '';
    try {
      checkRequest(request, this.sequenceLimit);
      this.checkQueue(tenant);
    } catch (error) {
      if (isStarlingError(error, 'queue_full') || isStarlingError(error, 'context_length_exceeded')) {
        this.#events.emit({ kind: 'refused', id: request.id, tenant, code: error.code as 'queue_full' | 'context_length_exceeded' });
      }
      throw error;
    }
    const sequence = new ScheduledSequence(request, new KvSequence(this.#arena), this.#arrivals++, this.#clock());
    this.#set.queue.push(sequence);
    this.#events.emit({ kind: 'queued', id: request.id, tenant, tokens: request.tokens.length });
    return sequence;
  }

  /**
   * A second continuation of a complete sequence, beginning with `token`; what was computed is shared. It waits for a slot if none is free.
   * Not for models with recurrent state: pages are all that is shared.
   */
  fork(handle: SequenceHandle, request: Pick<SequenceRequest, 'id' | 'onEnd'>, token: number): SequenceHandle {
    const parent = this.#own(handle);
    assert(parent.state !== 'ended' && parent.pending === 0, `sequence ${parent.id} is complete when it is forked`);
    const sequence = new ScheduledSequence({ ...parent.request, ...request }, parent.kv.fork(), this.#arrivals++, this.#clock(), parent.tokens(0, parent.length));
    sequence.append(token);
    this.#set.suspend(sequence);
    return sequence;
  }

  /** Gives a complete sequence its next token, to be computed in the next step. Does nothing if it has ended. */
  append(handle: SequenceHandle, token: number): void {
    const sequence = this.#own(handle);
    if (sequence.state === 'ended') return;
    assert(sequence.pending === 0, `sequence ${sequence.id} is complete when a token is appended`);
    assert(sequence.length < this.sequenceLimit, `sequence ${sequence.id} has room for another token`);
    sequence.append(token);
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
    for (const sequence of this.#set.all()) if (now >= (sequence.request.deadline ?? Infinity)) this.#end(sequence, { kind: 'deadline' });
    for (;;) {
      this.#admit(now);
      const before = this.#set.size;
      const chosen = this.#choose();
      if (chosen.length > 0) {
        for (const { sequence } of chosen) sequence.isInStep = true;
        return (this.#plan = makeStepPlan(chosen));
      }
      if (this.#set.size === before) return undefined;
    }
  }

  /** Notes that a step was computed. */
  commit(plan: StepPlan): void {
    this.#closePlan(plan, (sequence, tokens) => sequence.kv.commit(tokens));
  }

  /** Notes that a step was not computed: it will be planned again. With `recompute`, from the first token (when what came before is lost too). */
  rollback(plan: StepPlan, options: { recompute?: boolean } = {}): void {
    this.#closePlan(plan, (sequence) => sequence.kv.truncate(options.recompute === true ? 0 : sequence.kv.length));
  }

  /**
   * Checks what must hold between any two calls: slots and pages have the owners they should have, and every sequence is in one place.
   * @param heldOutside page tables of holders beside this scheduler
   * @throws StarlingError internal with what is broken
   */
  checkIntegrity(heldOutside: readonly ArrayLike<number>[] = []): void {
    this.#set.checkIntegrity(heldOutside);
  }

  #admit(now: number): void {
    for (;;) {
      const sequence = this.#set.admitNext();
      if (sequence === undefined) return;
      this.#events.emit({ kind: 'admitted', id: sequence.id, waitedMs: now - sequence.waitingSince });
    }
  }

  /** Sequences of the next step with the tokens of each; their pages are reserved. */
  #choose(): { sequence: ScheduledSequence; tokens: number }[] {
    const ranked = [...this.#set.running].filter(({ pending }) => pending > 0).sort(byRank);
    const prompts = ranked.filter(({ isDecoding }) => !isDecoding);
    const decoding = ranked.length - prompts.length;
    const budget = Math.min(this.#limits.maxBatchTokens - decoding, decoding > 0 ? this.#promptTokensWhileDecoding : Infinity);
    const shares = divideBudget(prompts.map(({ pending, priority }) => ({ remaining: pending, priority })), budget);
    const share = new Map(prompts.map((sequence, i) => [sequence, shares[i]]));
    const chosen: { sequence: ScheduledSequence; tokens: number }[] = [];
    for (const sequence of ranked) {
      const tokens = share.get(sequence) ?? 1;
      if (tokens > 0 && sequence.state === 'running' && this.#reserve(sequence, tokens)) chosen.push({ sequence, tokens });
    }
    return chosen;
  }

  /** Reserves pages, preempting whom it may. False: it sits this step out, or has failed because even alone it has no room. */
  #reserve(sequence: ScheduledSequence, tokens: number): boolean {
    const missing = this.#set.makeRoom(sequence, tokens, (victim, lost) => {
      victim.waitingSince = this.#clock();
      this.#events.emit({ kind: 'preempted', id: victim.id, tokens: lost });
    });
    if (missing === 0) {
      sequence.kv.reserve(tokens);
      return true;
    }
    if (!this.#set.othersHoldPages(sequence)) this.#end(sequence, { kind: 'failed', error: this.#arena.exhausted(missing) });
    return false;
  }

  #closePlan(plan: StepPlan, settle: (sequence: ScheduledSequence, tokens: number) => void): void {
    assert(plan === this.#plan, 'the plan that is closed is the one that is open');
    this.#plan = undefined;
    for (const { sequence: handle, tokens } of plan.sequences) {
      const sequence = this.#own(handle);
      settle(sequence, tokens);
      sequence.isInStep = false;
      if (sequence.pendingEnd) this.#end(sequence, sequence.pendingEnd);
    }
  }

  #end(sequence: ScheduledSequence, end: SequenceEnd): void {
    if (sequence.state === 'ended') return;
    if (sequence.isInStep) {
      sequence.pendingEnd ??= end;
      return;
    }
    this.#set.remove(sequence);
    this.#events.emit({ kind: 'ended', id: sequence.id, reason: end.kind });
    sequence.request.onEnd?.(end);
  }

  #own(handle: SequenceHandle): ScheduledSequence {
    assert(handle instanceof ScheduledSequence, 'a sequence handle comes from submit or fork');
    return handle;
  }
}
