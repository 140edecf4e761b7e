import { atOnce } from '../automata/at-once.js';
import { LIMITS, limitError } from '../limits.js';
import { NO_EXIT, STUCK, type Call, type Machine } from '../machine/machine.js';

/** Where an activation goes on when its machine has ended. */
interface Return {
  /** Undefined when the caller ends together with its callee (a tail call). */
  readonly call: Call | undefined;
  readonly caller: Activation;
}

/** The bytes read so far, last first; kept from where a caller first wants to know what its callee reads. */
export interface Trail {
  readonly byte: number;
  readonly before: Trail | undefined;
}

/** The bytes from `begin` to `end`. */
export function trailBytes(begin: Trail | undefined, end: Trail | undefined): number[] {
  const bytes: number[] = [];
  for (let at = end; at !== undefined && at !== begin; at = at.before) bytes.push(at.byte);
  return bytes.reverse();
}

/**
 * One run of a machine, begun at one place of the output. All callers that want this machine at this place share the run, so that
 * ambiguous grammars cost a graph of runs, not a list of stacks (the graph-structured stack of generalised LL parsing).
 * Returns are only added at the place where the run begins.
 */
export class Activation {
  readonly machine: Machine;
  readonly returns: Return[] = [];
  /** True when the whole output may end with this run. */
  isRoot = false;
  /** Where the run begins, if a caller wants to know what it read. */
  readonly begin: Trail | undefined;

  constructor(machine: Machine, begin?: Trail) {
    this.machine = machine;
    this.begin = begin;
  }
}

/** A machine's run and the state it is in. */
export interface Thread {
  readonly activation: Activation;
  readonly state: number;
}

/** All ways to read the output so far. Never changed after it was made. */
export interface Threads {
  readonly list: readonly Thread[];
  /** Whether the output may end here. */
  readonly canEnd: boolean;
  readonly trail: Trail | undefined;
}

/** What outputs of a machine begin with, as far as it was worked out: no output changes it. */
const beginnings = new WeakMap<Machine, Threads>();

/** The threads at the beginning of an output. */
export function beginThreads(machine: Machine): Threads {
  return atOnce(beginSteps(machine));
}

/** The same with a stop after each reading that is followed; what they come to is kept. */
export function* beginSteps(machine: Machine): Generator<undefined, Threads> {
  const known = beginnings.get(machine);
  if (known) return known;
  const root = new Activation(machine);
  root.isRoot = true;
  const threads = yield* new Closure(undefined).steps([{ activation: root, state: machine.start }]);
  beginnings.set(machine, threads);
  return threads;
}

/** The threads after one more byte; none if no thread can read it. */
export function stepThreads(threads: Threads, byte: number): Threads {
  const moved: Thread[] = [];
  for (const { activation, state } of threads.list) {
    const next = activation.machine.next(state, byte);
    if (next !== STUCK) moved.push({ activation, state: next });
  }
  return closeThreads(moved, threads.trail === undefined ? undefined : { byte, before: threads.trail });
}

/** Follows calls and ends from states just reached, until every thread waits for a byte or a token. */
export function closeThreads(moved: readonly Thread[], trail: Trail | undefined): Threads {
  if (moved.every(({ activation, state }) => !activation.machine.hasEvents(state)) && moved.length < 2)
    return { list: moved, canEnd: false, trail };
  return new Closure(trail).close(moved);
}

/** The work of closing: everything here belongs to one place of the output. */
class Closure {
  readonly #threads: Thread[] = [];
  readonly #seen = new Map<Activation, Set<number>>();
  readonly #begun = new Map<Machine, Map<number, Activation>>();
  /** Exits of the runs that began here and ended without reading. */
  readonly #ended = new Map<Activation, Set<number>>();
  #canEnd = false;
  #trail: Trail | undefined;

  constructor(trail: Trail | undefined) {
    this.#trail = trail;
  }

  close(moved: readonly Thread[]): Threads {
    for (const { activation, state } of moved) this.#add(activation, state);
    for (let i = 0; i < this.#threads.length; i++) this.#follow(this.#threads[i]);
    return this.#closed();
  }

  *steps(moved: readonly Thread[]): Generator<undefined, Threads> {
    for (const { activation, state } of moved) this.#add(activation, state);
    for (let i = 0; i < this.#threads.length; i++) {
      this.#follow(this.#threads[i]);
      yield;
    }
    return this.#closed();
  }

  #closed(): Threads {
    return { list: this.#threads, canEnd: this.#canEnd, trail: this.#trail };
  }

  #follow({ activation, state }: Thread): void {
    const { machine } = activation;
    if (!machine.hasEvents(state)) return;
    const exit = machine.exit(state);
    if (exit !== NO_EXIT) this.#end(activation, exit);
    for (const call of machine.calls(state)) this.#call(activation, call);
  }

  #add(activation: Activation, state: number): void {
    if (state === STUCK) return;
    let states = this.#seen.get(activation);
    if (!states) this.#seen.set(activation, (states = new Set()));
    if (states.has(state)) return;
    states.add(state);
    if (this.#threads.length >= LIMITS.threads) throw limitError('threads', 'readings of the same output at once');
    this.#threads.push({ activation, state });
  }

  #call(caller: Activation, call: Call): void {
    let starts = this.#begun.get(call.machine);
    if (!starts) this.#begun.set(call.machine, (starts = new Map()));
    let callee = starts.get(call.start);
    if (!callee) {
      // The byte of the first trail is never read: bytes after it are.
      if (call.capture) this.#trail ??= { byte: 0, before: undefined };
      callee = new Activation(call.machine, this.#trail);
      starts.set(call.start, callee);
      this.#ended.set(callee, new Set());
      this.#add(callee, call.start);
    }
    // The caller's own returns are complete unless it, too, began here.
    if (call.tail && !this.#ended.has(caller)) {
      if (caller.isRoot) this.#return(callee, undefined);
      for (const back of caller.returns) this.#return(callee, back);
    } else this.#return(callee, { call: call.tail ? undefined : call, caller });
  }

  /** Adds a way back; undefined is the end of the output. */
  #return(callee: Activation, back: Return | undefined): void {
    if (back === undefined) callee.isRoot = true;
    else if (callee.returns.some(({ call, caller }) => call === back.call && caller === back.caller)) return;
    else callee.returns.push(back);
    for (const exit of this.#ended.get(callee) ?? []) this.#goBack(callee, back, exit);
  }

  #end(activation: Activation, exit: number): void {
    const ended = this.#ended.get(activation);
    if (ended?.has(exit)) return;
    ended?.add(exit);
    if (activation.isRoot) this.#goBack(activation, undefined, exit);
    for (const back of activation.returns.slice()) this.#goBack(activation, back, exit);
  }

  #goBack(callee: Activation, back: Return | undefined, exit: number): void {
    if (back === undefined) this.#canEnd = true;
    else if (back.call === undefined) this.#end(back.caller, exit);
    else
      this.#add(
        back.caller,
        back.call.resume(exit, () => Uint8Array.from(trailBytes(callee.begin, this.#trail))),
      );
  }
}
