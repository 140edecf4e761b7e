import { STUCK, type Call, type Machine } from '../machine/machine.js';
import type { GrammarIndex } from './grammar-index.js';
import { closeThreads, type Activation, type Thread, type Threads, type Trail } from './threads.js';
import { soleToken } from './token-moves.js';

/** Places looked at, at most: an end that is not found by then is not looked for any longer. */
const MAX_PLACES = 20_000;
/** Places looked at between two stops. */
const PIECE_PLACES = 16;
/** What a value costs that need not come, beside its bytes: ways that have all that must come are tried first. */
const DETOUR = 1_000_000;
/** Bytes in the order in which they are preferred where several do the same: texts are filled with letters. */
const PLAIN = [
  ...Array.from('a0x"', (char) => char.charCodeAt(0)),
  ...Array.from({ length: 0x5e }, (_, i) => 0x21 + i).filter((byte) => byte !== 0x5c),
];
/** What is looked at only where nothing else can come: white space, escapes and characters of several bytes have many states and are never shorter. */
const OTHERS = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !PLAIN.includes(byte));

/** A step to an end: a byte, or a whole token. */
export type EndStep = { readonly byte: number } | { readonly token: number };

interface Place {
  readonly thread: Thread;
  /** What was read on the way here, for callers that want to know. */
  readonly trail: Trail | undefined;
  readonly cost: number;
  /** Steps from the beginning. */
  readonly count: number;
  readonly before: Place | undefined;
  readonly step: EndStep | undefined;
}

/**
 * The shortest way from a place in an output to where it may end: Dijkstra's algorithm over the threads that one byte or token more leads to.
 * Stops on the way.
 * @param limit steps, at most
 * @returns undefined if no end is found
 */
export function* nearestEnd(
  threads: Threads,
  index: GrammarIndex,
  limit: number,
): Generator<undefined, EndStep[] | undefined> {
  if (threads.canEnd) return [];
  const names = new ActivationNames();
  const known = new Set<string>();
  const queue = new Places();
  const charged = new Set<Activation>();
  const add = (
    thread: Thread,
    cost: number,
    trail: Trail | undefined,
    before: Place | undefined,
    step: EndStep | undefined,
  ): void => {
    const key = `${names.of(thread.activation)} ${thread.state}`;
    if (known.has(key)) return;
    const isDetour = before !== undefined && !charged.has(thread.activation) && readsDetour(thread.activation);
    charged.add(thread.activation);
    queue.push({
      thread,
      trail,
      cost: cost + (isDetour ? DETOUR : 0),
      count: before === undefined ? 0 : before.count + 1,
      before,
      step,
    });
  };
  for (const thread of threads.list) add(thread, 0, threads.trail, undefined, undefined);
  for (let count = 0; count < MAX_PLACES; count++) {
    if (count % PIECE_PLACES === PIECE_PLACES - 1) yield;
    const place = queue.pop();
    if (place === undefined) return undefined;
    const key = `${names.of(place.thread.activation)} ${place.thread.state}`;
    if (known.has(key)) continue;
    known.add(key);
    if (place.count >= limit) continue;
    for (const { step, next } of stepsFrom(place.thread, index)) {
      const closed = closeThreads([next], trailAfter(place.trail, step));
      if (closed.canEnd) return stepsTo({ ...place, before: place, step });
      for (const thread of closed.list) add(thread, place.cost + 1, closed.trail, place, step);
    }
  }
  return undefined;
}

/** A token that is taken as a whole is nothing that a run reads. */
function trailAfter(trail: Trail | undefined, step: EndStep): Trail | undefined {
  return trail === undefined || !('byte' in step) ? trail : { byte: step.byte, before: trail };
}

/** Whether a run reads a value that need not come. */
function readsDetour(activation: Activation): boolean {
  const met = new Set([activation]);
  for (const { returns } of met) {
    for (const { call, caller } of returns) {
      if (call === undefined) met.add(caller);
      else if (call.isDetour === true) return true;
    }
  }
  return false;
}

/** Where one byte or one token leads; of bytes that lead to the same state, one. */
function stepsFrom(
  { activation, state }: Thread,
  index: GrammarIndex,
): { readonly step: EndStep; readonly next: Thread }[] {
  const { machine } = activation;
  const byState = new Map<number, number>();
  for (const bytes of [PLAIN, OTHERS]) {
    if (byState.size > 0 || (bytes === OTHERS && machine.calls(state).length > 0)) break;
    for (const byte of bytes) {
      const next = machine.next(state, byte);
      if (next !== STUCK && !byState.has(next)) byState.set(next, byte);
    }
  }
  const steps = Array.from(byState, ([next, byte]) => ({
    step: { byte } as EndStep,
    next: { activation, state: next },
  }));
  for (const move of machine.tokenMoves(state)) {
    const token = soleToken(move, index);
    if (token !== undefined) steps.push({ step: { token }, next: { activation, state: move.to } });
  }
  return steps;
}

function stepsTo(last: Place): EndStep[] {
  const steps: EndStep[] = [];
  for (let at: Place | undefined = last; at !== undefined; at = at.before) if (at.step) steps.push(at.step);
  return steps.reverse();
}

/** Names for runs that are alike: of the same machine, with the same ways back. */
class ActivationNames {
  readonly #numbers = new Map<Machine | Call, number>();
  readonly #names = new Map<Activation, number>();
  readonly #byText = new Map<string, number>();

  /** Callers are named first, in a loop: an output may be as deep as it is long. */
  of(activation: Activation): number {
    const open = [activation];
    for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
      const before = open.length;
      if (!this.#names.has(inner))
        for (const { caller } of inner.returns) if (!this.#names.has(caller) && caller !== inner) open.push(caller);
      if (open.length > before) continue;
      open.pop();
      if (!this.#names.has(inner)) this.#names.set(inner, this.#nameOf(inner));
    }
    return this.#names.get(activation)!;
  }

  #nameOf(activation: Activation): number {
    const back = activation.returns
      .map(({ call, caller }) => `${call === undefined ? '' : this.#number(call)}:${this.#names.get(caller)}`)
      .sort();
    const text = `${this.#number(activation.machine)} ${activation.isRoot ? 1 : 0} ${back.join()}`;
    const name = this.#byText.get(text) ?? this.#byText.size + 1;
    this.#byText.set(text, name);
    return name;
  }

  #number(of: Machine | Call): number {
    let number = this.#numbers.get(of);
    if (number === undefined) this.#numbers.set(of, (number = this.#numbers.size + 1));
    return number;
  }
}

/** Places by what they cost, the cheapest first; of the same cost those that came last. */
class Places {
  readonly #byCost = new Map<number, Place[]>();
  /** Falling. */
  readonly #costs: number[] = [];

  push(place: Place): void {
    const same = this.#byCost.get(place.cost);
    if (same) {
      same.push(place);
      return;
    }
    this.#byCost.set(place.cost, [place]);
    const at = this.#costs.findIndex((cost) => cost < place.cost);
    this.#costs.splice(at < 0 ? this.#costs.length : at, 0, place.cost);
  }

  pop(): Place | undefined {
    const cost = this.#costs.at(-1);
    if (cost === undefined) return undefined;
    const places = this.#byCost.get(cost) ?? [];
    const place = places.pop();
    if (places.length === 0) {
      this.#byCost.delete(cost);
      this.#costs.pop();
    }
    return place;
  }
}
