import { assert } from '@starling/core';
import type { PageArena } from '@starling/kvcache';
import type { QueueLoad } from './admission.js';
import { FairQueue } from './fair-queue.js';
import { byRank, type ScheduledSequence } from './sequence.js';
import { SlotPool } from './slot-pool.js';

/**
 * All sequences under way, and the slots and pages they hold.
 *
 * Invariant: each is in exactly one of `queue` (has run nothing, holds nothing), `suspended` (no slot; a fork may hold pages) and
 * `running` (has a slot of its own); `suspended` is in order of rank.
 */
export class RunSet {
  readonly queue = new FairQueue<ScheduledSequence>();
  readonly suspended: ScheduledSequence[] = [];
  readonly running = new Set<ScheduledSequence>();
  readonly #slots: SlotPool;
  readonly #arena: PageArena;
  readonly #reclaim: (pages: number) => number;

  constructor(slots: number, arena: PageArena, reclaim: (pages: number) => number) {
    this.#slots = new SlotPool(slots);
    this.#arena = arena;
    this.#reclaim = reclaim;
  }

  get size(): number {
    return this.queue.length + this.suspended.length + this.running.size;
  }

  /** All of them, as of now. */
  all(): ScheduledSequence[] {
    return [...this.queue, ...this.suspended, ...this.running];
  }

  load(tenant: string): QueueLoad {
    let queuedOfTenant = 0;
    for (const sequence of this.queue) if (sequence.tenant === tenant) queuedOfTenant++;
    return { queued: this.queue.length, running: this.running.size, freeSlots: Math.max(0, this.#slots.free - this.suspended.length), queuedOfTenant };
  }

  /**
   * Gives the next that waits a slot, if there is one and its tokens find room beside what the running ones will need.
   * Nobody overtakes the next: else a large request could wait for ever.
   */
  admitNext(): ScheduledSequence | undefined {
    if (this.#slots.free === 0) return undefined;
    const suspended = this.suspended.at(0);
    const queued = this.queue.peek();
    const isFromQueue = queued !== undefined && (suspended === undefined || queued.priority > suspended.priority);
    const next = isFromQueue ? queued : suspended;
    if (next === undefined || !this.#hasRoomFor(next)) return undefined;
    if (isFromQueue) this.queue.shift(next.request.weight);
    else this.suspended.shift();
    next.state = 'running';
    next.kv.slot = this.#slots.take();
    this.running.add(next);
    return next;
  }

  /** Puts a sequence without a slot among those that wait to go on. */
  suspend(sequence: ScheduledSequence): void {
    sequence.state = 'waiting';
    const at = this.suspended.findIndex((other) => byRank(sequence, other) < 0);
    this.suspended.splice(at < 0 ? this.suspended.length : at, 0, sequence);
  }

  /**
   * Frees pages until `sequence` can reserve `tokens`: asks outside first, then preempts suspended sequences, then running ones of lower rank.
   * @returns pages still missing; 0 when there is room
   */
  makeRoom(sequence: ScheduledSequence, tokens: number, onPreempt: (victim: ScheduledSequence, lostTokens: number) => void): number {
    for (;;) {
      const missing = sequence.kv.pagesToReserve(tokens) - this.#arena.freePages;
      if (missing <= 0) return 0;
      if (this.#reclaim(missing) > 0) continue;
      const victim = this.#victimFor(sequence);
      if (victim === undefined) return missing;
      const lost = victim.computed;
      this.#preempt(victim);
      onPreempt(victim, lost);
    }
  }

  /** Whether any other sequence holds pages, so that waiting for it makes sense. */
  othersHoldPages(sequence: ScheduledSequence): boolean {
    return [...this.suspended, ...this.running].some((other) => other !== sequence && other.kv.capacity > 0);
  }

  /** Takes a sequence out and gives back all that it holds. */
  remove(sequence: ScheduledSequence): void {
    if (this.running.delete(sequence)) this.#slots.giveBack(sequence.kv.slot);
    else if (!this.queue.remove(sequence)) this.suspended.splice(this.suspended.indexOf(sequence), 1);
    sequence.kv.release();
    sequence.state = 'ended';
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
    for (const sequence of this.queue) assert(sequence.kv.capacity === 0, `sequence ${sequence.id} holds pages only after it has run`);
    const slots = new Set([...this.running].map(({ kv }) => kv.slot));
    assert(slots.size === this.running.size && this.#slots.free === this.#slots.count - slots.size, 'every running sequence has a slot of its own, and no other slot is taken');
    for (let i = 1; i < this.suspended.length; i++) assert(byRank(this.suspended[i - 1], this.suspended[i]) < 0, 'suspended sequences are in order of rank');
    this.#arena.checkIntegrity([...all.map(({ kv }) => kv.pages), ...heldOutside]);
  }

  /** Room for all its tokens, for the rest of the prompts that run, and for one page more for each of those. */
  #hasRoomFor(next: ScheduledSequence): boolean {
    if (this.running.size === 0) return true;
    let needed = next.kv.pagesToReserve(next.pending);
    for (const { kv, pending } of this.running) needed += kv.pagesToReserve(pending) + 1;
    const missing = needed - this.#arena.freePages;
    return missing <= 0 || this.#reclaim(missing) >= missing;
  }

  /** Suspended sequences with pages come first, since they do not run anyway; then running ones ranked after `sequence`; of each, the last in rank. */
  #victimFor(sequence: ScheduledSequence): ScheduledSequence | undefined {
    const last = (victims: ScheduledSequence[]): ScheduledSequence | undefined => victims.filter((one) => one.kv.capacity > 0).sort(byRank).at(-1);
    return last(this.suspended.slice()) ?? last([...this.running].filter((one) => byRank(sequence, one) < 0));
  }

  #preempt(victim: ScheduledSequence): void {
    victim.kv.truncate(0);
    if (!this.running.delete(victim)) return;
    this.#slots.giveBack(victim.kv.slot);
    this.suspend(victim);
  }
}
