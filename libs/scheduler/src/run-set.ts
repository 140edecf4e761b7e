import { assert } from '@starling/core';
import type { KvCache, RestoreTicket, StateCheckpoint } from '@starling/kvcache';
import type { QueueLoad } from './admission.js';
import type { FairQueue } from './fair-queue.js';
import type { PreemptionOrder } from './preemption.js';
import { byRank, type ScheduledSequence } from './sequence.js';
import { SlotPool } from './slot-pool.js';
import type { StateSave } from './step-plan.js';

export interface RunSetParts {
  readonly slots: number;
  readonly cache: KvCache;
  readonly queue: FairQueue<ScheduledSequence>;
  readonly order: PreemptionOrder;
  /** Sequences of a tenant that may run at once. */
  readonly runningLimitOf: (tenant: string) => number;
}

/** Without other places to keep a state at, one is kept each time that so many tokens were computed. */
const STATE_INTERVAL = 1024;

/**
 * All sequences under way, and the slots and pages they hold.
 *
 * Invariant: each is in exactly one of `restoring` (its beginning is being brought back from slower storage), `queue` (has run nothing, as
 * those before; both hold nothing), `suspended` (no slot; a fork may hold pages) and `running` (has a slot of its own); `suspended` is in
 * order of rank.
 */
export class RunSet {
  readonly queue: FairQueue<ScheduledSequence>;
  readonly restoring = new Map<ScheduledSequence, RestoreTicket>();
  readonly suspended: ScheduledSequence[] = [];
  readonly running = new Set<ScheduledSequence>();
  readonly #slots: SlotPool;
  readonly #cache: KvCache;
  readonly #order: PreemptionOrder;
  readonly #runningLimitOf: (tenant: string) => number;
  #saves: StateSave[] = [];

  constructor({ slots, cache, queue, order, runningLimitOf }: RunSetParts) {
    this.queue = queue;
    this.#order = order;
    this.#runningLimitOf = runningLimitOf;
    this.#slots = new SlotPool(slots);
    this.#cache = cache;
  }

  get size(): number {
    return this.restoring.size + this.queue.length + this.suspended.length + this.running.size;
  }

  /** All of them, as of now. */
  all(): ScheduledSequence[] {
    return [...this.restoring.keys(), ...this.queue, ...this.suspended, ...this.running];
  }

  load(tenant: string): QueueLoad {
    const load = {
      queued: this.queue.length,
      queuedTokens: this.queue.tokens,
      queuedOfTenant: this.queue.tallyOf(tenant).length,
    };
    for (const one of this.restoring.keys()) {
      load.queued++;
      load.queuedTokens += one.promptLength;
      if (one.tenant === tenant) load.queuedOfTenant++;
    }
    return { ...load, running: this.running.size, freeSlots: Math.max(0, this.#slots.free - this.#resumable()) };
  }

  /**
   * Gives the next that waits a slot, if there is one and its tokens find room beside what the running ones will need.
   * Nobody overtakes the next: else a large request could wait for ever.
   * When all slots are taken, a tenant with fewer than its share of them gets one from the tenant with most.
   */
  admitNext(onPause: (victim: ScheduledSequence) => void): ScheduledSequence | undefined {
    const { next, isFromQueue } = this.#nextToStart();
    if (next === undefined) return undefined;
    const loser = this.#slots.free > 0 ? undefined : this.#order.slotFor(next, this.running);
    if (this.#slots.free === 0 && loser === undefined) return undefined;
    const isMatch = this.#match(next);
    if (!this.#hasRoomFor(next)) {
      if (isMatch) this.#letGo(next);
      return undefined;
    }
    if (isFromQueue) this.queue.take(next);
    else this.suspended.splice(this.suspended.indexOf(next), 1);
    this.#noteMatch(next);
    if (loser) {
      this.#pause(loser);
      onPause(loser);
    }
    next.state = 'running';
    next.slot = this.#slots.take();
    this.running.add(next);
    return next;
  }

  /** Takes a complete sequence's slot until it has something to compute again. Its state is kept where the slot holds it; its pages stay while nobody needs them. */
  park(sequence: ScheduledSequence): void {
    sequence.isParked = true;
    if (sequence.state !== 'running') return;
    this.saveState(sequence);
    this.#pause(sequence);
  }

  /** Puts a sequence without a slot among those that wait to go on. */
  suspend(sequence: ScheduledSequence): void {
    sequence.state = 'waiting';
    const at = this.suspended.findIndex((other) => byRank(sequence, other) < 0);
    this.suspended.splice(at < 0 ? this.suspended.length : at, 0, sequence);
  }

  /**
   * Frees pages until `sequence` can reserve `tokens`: the cache gives first, then it preempts as PreemptionOrder says.
   * @param onPreempt told who lost how many computed tokens, and whether its slot with them: who waits already has none
   * @returns false if there is none
   */
  makeRoom(
    sequence: ScheduledSequence,
    tokens: number,
    onPreempt: (victim: ScheduledSequence, lostTokens: number, hadSlot: boolean) => void,
  ): boolean {
    for (;;) {
      if (this.#cache.makeRoom(sequence.kv, tokens) === 0) return true;
      const victim = this.#order.victimFor(sequence, this.suspended, this.running);
      if (victim === undefined) return false;
      const lost = victim.computed;
      onPreempt(victim, lost, this.#preempt(victim));
    }
  }

  /** Tokens after the next one that a running sequence has room for without taking anybody's pages: in its own, and in its part of those that nobody needs soon. */
  spareTokens({ kv }: ScheduledSequence): number {
    const { pageTokens } = this.#cache.arena;
    // Each sequence may need a page for its next token, and one to copy a shared one to.
    const spare = Math.floor((this.#cache.availablePages - 2 * this.running.size) / this.running.size);
    const own = kv.pagesToReserve(1) === 0 ? kv.capacity - kv.length - 1 : 0;
    return own + Math.max(0, spare) * pageTokens;
  }

  /** Takes a new sequence: to the queue, or, if slower storage has more of its beginning than memory, first to where it waits for that. */
  enter(sequence: ScheduledSequence, onReady: () => void): void {
    const { promptLength } = sequence;
    const ticket = this.#cache.restore(sequence.searchKey, sequence.tokens(0, promptLength), promptLength - 1, () => {
      this.restoring.delete(sequence);
      this.queue.push(sequence);
      onReady();
    });
    if (ticket) this.restoring.set(sequence, ticket);
    else this.queue.push(sequence);
  }

  /** Whether anybody else holds pages, so that waiting makes sense. */
  othersHoldPages(sequence: ScheduledSequence): boolean {
    return (
      this.#cache.isHolding ||
      [...this.suspended, ...this.running].some((other) => other !== sequence && other.kv.capacity > 0)
    );
  }

  /** Takes a sequence out and gives back all that it holds. */
  remove(sequence: ScheduledSequence): void {
    this.restoring.get(sequence)?.cancel();
    if (this.running.delete(sequence)) this.#slots.giveBack(sequence.slot);
    else if (!this.restoring.delete(sequence) && !this.queue.remove(sequence))
      this.suspended.splice(this.suspended.indexOf(sequence), 1);
    sequence.kv.release();
    sequence.state = 'ended';
  }

  /** Keeps what a sequence has computed for others that begin alike. */
  donate(sequence: ScheduledSequence, partial: boolean): void {
    const { request, kv } = sequence;
    this.#cache.donate(request.cacheKey, sequence.tokens(0, kv.length), kv, { partial });
  }

  /** Gives back what slid out of the windows of a sequence. */
  slide(sequence: ScheduledSequence): void {
    const { request, kv } = sequence;
    this.#cache.slide(request.cacheKey, () => sequence.tokens(0, kv.length), kv);
  }

  /** Has the state of a running sequence kept where it is now. */
  saveState(sequence: ScheduledSequence): void {
    const { computed: position, restore } = sequence;
    if (this.#cache.stateBytes === 0 || position === 0 || !this.running.has(sequence)) return;
    const tokens = sequence.tokens(0, position).slice();
    if (restore !== undefined) {
      // Put back after a draft that was not what came.
      this.donate(sequence, true);
      this.#cache.keepState(sequence.request.cacheKey, tokens, restore);
      return;
    }
    const keep = (state: StateCheckpoint): void => {
      sequence.lastState = state;
      this.#cache.keepState(sequence.request.cacheKey, tokens, state);
    };
    this.donate(sequence, true);
    this.#saves.push({ slot: sequence.slot, position, keep });
  }

  /** Has the state of a sequence kept where it is before a step with drafts: it cannot be cut back, only put back. */
  saveFallback(sequence: ScheduledSequence): void {
    if (this.#cache.stateBytes === 0) return;
    assert(sequence.restore === undefined, `the state of sequence ${sequence.id} is in its slot when it has drafts`);
    this.#saves.push({
      slot: sequence.slot,
      position: sequence.computed,
      keep: (state) => (sequence.fallback = state),
    });
  }

  /** States to be kept, before anything else runs in their slots; they are the caller's from now on. */
  takeSaves(): StateSave[] {
    const saves = this.#saves;
    this.#saves = [];
    return saves;
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(heldOutside: readonly ArrayLike<number>[]): void {
    const all = this.all();
    assert(new Set(all).size === all.length, 'a sequence waits or runs in one place');
    for (const sequence of all) {
      sequence.kv.checkIntegrity();
      const isRunning = this.running.has(sequence);
      assert(sequence.state === (isRunning ? 'running' : 'waiting'), `sequence ${sequence.id} is ${sequence.state}`);
      assert(sequence.pending >= 0, `sequence ${sequence.id} has computed no more than it knows`);
    }
    this.queue.checkIntegrity();
    for (const sequence of [...this.queue, ...this.restoring.keys()])
      assert(sequence.kv.capacity === 0, `sequence ${sequence.id} holds pages only after it has run`);
    const slots = new Set([...this.running].map(({ slot }) => slot));
    assert(
      slots.size === this.running.size && this.#slots.free === this.#slots.count - slots.size,
      'every running sequence has a slot of its own, and no other slot is taken',
    );
    for (let i = 1; i < this.suspended.length; i++)
      assert(byRank(this.suspended[i - 1], this.suspended[i]) < 0, 'suspended sequences are in order of rank');
    this.#cache.checkIntegrity(
      [...all.map(({ kv }) => kv.pages), ...heldOutside],
      all.flatMap(({ kv }) => (kv.windows ? [kv.windows.pages] : [])),
    );
  }

  /** Has it begin with what is known of its tokens, if it holds nothing. The last token is always computed: its logits are wanted. */
  #match(next: ScheduledSequence): boolean {
    if (next.kv.capacity > 0) return false;
    const { outputs, cacheKey } = next.request;
    const found = this.#cache.match(next.searchKey, next.tokens(0, next.length), next.length - 1);
    next.kv.release();
    next.kv = found.kv;
    next.restore = found.state;
    if (!next.wasMatched)
      next.miss =
        outputs === 'all' && cacheKey !== undefined ? { reason: 'log_probabilities', position: 0 } : found.miss;
    if (this.#cache.stateBytes > 0 && next.request.pooling === undefined)
      next.stops = this.#stopsOf(next, found.branch);
    return true;
  }

  #noteMatch(next: ScheduledSequence): void {
    if (next.wasMatched) return;
    next.wasMatched = true;
    next.cachedTokens = next.kv.length;
    if (next.request.isInternal !== true) this.#cache.count({ miss: next.miss }, next.cachedTokens, next.promptLength);
  }

  /** Gives back pages and state: it waits on, and others need them more. */
  #letGo(next: ScheduledSequence): void {
    next.kv.truncate(0);
    next.restore = undefined;
  }

  #stopsOf({ request, promptLength, kv }: ScheduledSequence, branch: number | undefined): number[] {
    const stops = new Set([...(request.checkpoints ?? []), promptLength]);
    if (branch !== undefined) stops.add(branch);
    if (request.cacheKey !== undefined)
      for (let at = STATE_INTERVAL; at < promptLength; at += STATE_INTERVAL) stops.add(at);
    return [...stops].filter((at) => at > kv.length && at <= promptLength).sort((a, b) => a - b);
  }

  /** Suspended sequences that want a slot. */
  #resumable(): number {
    return this.suspended.reduce((sum, { isParked }) => sum + (isParked ? 0 : 1), 0);
  }

  /** Room for all its tokens, for the rest of the prompts that run, and for one page more for each of those. */
  #hasRoomFor(next: ScheduledSequence): boolean {
    if (this.running.size === 0) return true;
    let needed = next.kv.pagesToReserve(next.pending);
    for (const { kv, pending } of this.running) needed += kv.pagesToReserve(pending) + 1;
    return needed <= this.#cache.availablePages;
  }

  /** Of what waits: the highest priority, then whoever is owed most; of equals those that have run. */
  #nextToStart(): { next: ScheduledSequence | undefined; isFromQueue: boolean } {
    const running = new Map<string, number>();
    for (const { tenant } of this.running) running.set(tenant, (running.get(tenant) ?? 0) + 1);
    const mayStart = (tenant: string): boolean => (running.get(tenant) ?? 0) < this.#runningLimitOf(tenant);
    let suspended: ScheduledSequence | undefined;
    for (const one of this.suspended)
      if (!one.isParked && mayStart(one.tenant) && (suspended === undefined || this.#order.byShare(one, suspended) < 0))
        suspended = one;
    const queued = this.queue.peek(mayStart);
    const isFromQueue = queued !== undefined && (suspended === undefined || this.#order.byShare(queued, suspended) < 0);
    return { next: isFromQueue ? queued : suspended, isFromQueue };
  }

  /** Takes a running sequence's slot. Its pages stay with it, unless its state lies in the slot. */
  #pause(victim: ScheduledSequence): void {
    victim.dropDrafts();
    if (this.#cache.stateBytes > 0) {
      this.donate(victim, true);
      this.#letGo(victim);
    }
    this.running.delete(victim);
    this.#slots.giveBack(victim.slot);
    this.suspend(victim);
  }

  /** What it has computed stays in the cache as long as there is room. @returns whether it had a slot */
  #preempt(victim: ScheduledSequence): boolean {
    victim.dropDrafts();
    this.donate(victim, true);
    this.#letGo(victim);
    if (!this.running.delete(victim)) return false;
    this.#slots.giveBack(victim.slot);
    this.suspend(victim);
    return true;
  }
}
