import { assert } from '@starling/core';

interface Member {
  /** Service had so far, in cost units divided by weight. */
  counter: number;
  /** The same, neither divided nor lifted. */
  served: number;
  /** Cost of work that was let in and is not done yet. */
  ahead: number;
  weight: number;
  /** Sequences of it under way; 0: idle. */
  active: number;
}

/** Members that are idle are looked through once there are this many more of them than of active ones. */
const IDLE_SLACK = 64;

/**
 * Virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024): each member's counter is the service
 * it had, divided by its weight; who has the smallest is next.
 *
 * A member that comes back is lifted to the smallest counter among the active ones (when there are none: to that of the last that left),
 * so that being idle saves nothing up. Whoever sends one request at a time still pays for each: a counter above that level is kept.
 *
 * Invariant: `active` is the sum of the members' `active`; an idle member that is forgotten had a counter that the lift would replace.
 */
export class ShareCounters {
  readonly #members = new Map<string, Member>();
  /** Members with sequences under way. */
  #busy = 0;
  /** The counter of the last member that left when nobody else was active. */
  #lastLeft = 0;

  /** Members with sequences under way. */
  get busy(): number {
    return this.#busy;
  }

  /** Members that are remembered. */
  get size(): number {
    return this.#members.size;
  }

  /** A sequence of `key` begins to wait. Its weight holds from now on. */
  enter(key: string, weight: number): void {
    const member = this.#members.get(key);
    if (member !== undefined && member.active > 0) {
      member.active++;
      member.weight = weight;
      return;
    }
    const counter = Math.max(member?.counter ?? 0, this.#floor());
    this.#members.set(key, { counter, served: member?.served ?? 0, ahead: 0, weight, active: 1 });
    this.#busy++;
  }

  /** A sequence of `key` has ended. */
  leave(key: string): void {
    const member = this.#members.get(key);
    assert(member !== undefined && member.active > 0, `${JSON.stringify(key)} has a sequence that can end`);
    if (--member.active > 0) return;
    member.ahead = 0;
    this.#busy--;
    if (this.#busy === 0) this.#lastLeft = Math.max(this.#lastLeft, member.counter);
    if (this.#members.size - this.#busy > this.#busy + IDLE_SLACK) this.#forget();
  }

  /** Notes work that was let in; negative: that was done, or is not to be done. */
  reserve(key: string, cost: number): void {
    const member = this.#members.get(key);
    if (member) member.ahead += cost;
  }

  /** Notes service. @param served of the cost, what was had of the machine: the rest is a price of something else */
  charge(key: string, cost: number, served = cost): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    member.counter += cost / member.weight;
    member.served += served;
  }

  /** Service had, divided by weight; for a member that is unknown, what it would begin with. */
  counterOf(key: string): number {
    return this.#members.get(key)?.counter ?? this.#floor();
  }

  /** The counter that it will have when all that was let in is done. */
  expectedOf(key: string): number {
    const member = this.#members.get(key);
    return member === undefined ? this.#floor() : member.counter + member.ahead / member.weight;
  }

  weightOf(key: string): number {
    return this.#members.get(key)?.weight ?? 1;
  }

  /** Service had since it is remembered; zero for a member that is unknown. */
  servedOf(key: string): number {
    return this.#members.get(key)?.served ?? 0;
  }

  /** Members that are remembered. */
  keys(): IterableIterator<string> {
    return this.#members.keys();
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  checkIntegrity(): void {
    const active = [...this.#members.values()].filter((member) => member.active > 0);
    assert(active.length === this.#busy, `${active.length} members are active, ${this.#busy} are counted`);
    for (const { counter, active: count } of this.#members.values())
      assert(Number.isFinite(counter) && count >= 0, 'counters are numbers, and nobody has left more often than come');
  }

  #floor(): number {
    if (this.#busy === 0) return this.#lastLeft;
    let least = Infinity;
    for (const { counter, active } of this.#members.values()) if (active > 0 && counter < least) least = counter;
    return least;
  }

  #forget(): void {
    const floor = this.#floor();
    for (const [key, { counter, active }] of this.#members)
      if (active === 0 && counter <= floor) this.#members.delete(key);
  }
}
