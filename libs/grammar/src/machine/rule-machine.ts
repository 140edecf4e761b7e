import { classOf, classStartsOf, DEAD, isSurrogateClass } from '../automata/dfa.js';
import type { Fragment, Nfa } from '../automata/nfa.js';
import { codeMoves, targetOf, type CodeAutomaton, type CodeMoves } from './code-automaton.js';
import {
  NO_CALLS,
  NO_EXIT,
  NO_TOKEN_MOVES,
  STUCK,
  type Call,
  type Machine,
  type MachineSource,
  type StateBudget,
  type TokenMove,
} from './machine.js';
import { Utf8Machine } from './utf8-machine.js';

const ENDED = 1;

/** The subset construction of a nondeterministic automaton, a state at a time as they are reached. */
class SubsetAutomaton implements CodeAutomaton {
  readonly nfa: Nfa<MachineSource>;
  readonly start: number;
  readonly #end: number;
  /** (states of the nfa) 1 where the end can still be reached. */
  readonly #live: Uint8Array;
  readonly #ids = new Map<string, number>();
  readonly #subsets: (readonly number[])[] = [[]];
  readonly #moves: (CodeMoves | undefined)[] = [undefined];

  constructor(nfa: Nfa<MachineSource>, whole: Fragment) {
    this.nfa = nfa;
    this.#end = whole.end;
    this.#live = liveNfaStates(nfa, whole.end);
    this.start = this.stateOf([whole.start]);
  }

  /** The state for a set of states of the nondeterministic automaton, and all that they reach without reading. */
  stateOf(states: Iterable<number>): number {
    const reached = new Set<number>();
    for (const state of states) if (this.#live[state] === 1) reached.add(state);
    for (const state of reached) for (const to of this.nfa.empties[state]) if (this.#live[to] === 1) reached.add(to);
    if (reached.size === 0) return DEAD;
    // What only passes on says nothing: sets that differ by such states are the same.
    const kept = [...reached].filter((state) => state === this.#end || this.#reads(state)).sort((a, b) => a - b);
    const key = kept.join();
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#subsets.push(kept) - 1;
      this.#moves.push(undefined);
      this.#ids.set(key, id);
    }
    return id;
  }

  subset(state: number): readonly number[] {
    return this.#subsets[state];
  }

  exit(state: number): number {
    return this.#subsets[state].includes(this.#end) ? ENDED : NO_EXIT;
  }

  alike(state: number): number {
    return state;
  }

  freeRun(): number {
    return 0;
  }

  /** Whether a state can do nothing but end. */
  onlyEnds(state: number): boolean {
    const subset = this.#subsets[state];
    return subset.length === 1 && subset[0] === this.#end && !this.#reads(this.#end);
  }

  moves(state: number): CodeMoves {
    return (this.#moves[state] ??= this.#makeMoves(state));
  }

  #makeMoves(state: number): CodeMoves {
    const edges = this.#subsets[state].flatMap((from) => this.nfa.moves[from]);
    const starts = classStartsOf(edges.flatMap(({ set }) => set.map((code, i) => (i % 2 === 0 ? code : code + 1))));
    const targets: number[][] = Array.from(starts, () => []);
    for (const { set, to } of edges) {
      for (let i = 0; i < set.length; i += 2) {
        for (let c = classOf(starts, set[i]); c < starts.length && starts[c] <= set[i + 1]; c++)
          if (!isSurrogateClass(starts, c)) targets[c].push(to);
      }
    }
    return codeMoves(
      starts,
      targets.map((to) => (to.length === 0 ? DEAD : this.stateOf(to))),
    );
  }

  #reads(state: number): boolean {
    return this.nfa.moves[state].length + this.nfa.calls[state].length + this.nfa.tokens[state].length > 0;
  }
}

/** (states) 1 for each state from which the end can be reached. */
function liveNfaStates<C>(nfa: Nfa<C>, end: number): Uint8Array {
  const sources: number[][] = Array.from({ length: nfa.size }, () => []);
  for (let from = 0; from < nfa.size; from++) {
    for (const to of nfa.empties[from]) sources[to].push(from);
    for (const edges of [nfa.moves[from], nfa.calls[from], nfa.tokens[from]])
      for (const { to } of edges) sources[to].push(from);
  }
  const live = new Uint8Array(nfa.size);
  live[end] = 1;
  const queue = [end];
  while (queue.length > 0) {
    for (const from of sources[queue.pop()!]) {
      if (live[from] === 1) continue;
      live[from] = 1;
      queue.push(from);
    }
  }
  return live;
}

/** A rule of a grammar: characters, calls of other machines and tokens, in any regular arrangement. */
export class RuleMachine extends Utf8Machine {
  declare protected readonly automaton: SubsetAutomaton;
  readonly #tokenMoves = new Map<number, readonly TokenMove[]>();
  #start: number | undefined;

  /** All callees of `nfa` must be able to end. */
  constructor(nfa: Nfa<MachineSource>, whole: Fragment, budget: StateBudget) {
    super(new SubsetAutomaton(nfa, whole), budget);
  }

  get start(): number {
    return (this.#start ??= this.character(this.automaton.start));
  }

  *prepare(): Generator<MachineSource> {
    for (const edges of this.automaton.nfa.calls) for (const { callee } of edges) yield callee;
  }

  override tokenMoves(state: number): readonly TokenMove[] {
    return this.#tokenMoves.get(state) ?? NO_TOKEN_MOVES;
  }

  protected ascii(state: number, byte: number): number {
    return this.character(targetOf(this.automaton.moves(state), byte));
  }

  protected override exitOf(state: number): number {
    return this.automaton.exit(state);
  }

  protected override callsOf(state: number): readonly Call[] {
    const targets = new Map<MachineSource, number[]>();
    for (const from of this.automaton.subset(state)) {
      for (const { callee, to } of this.automaton.nfa.calls[from]) {
        const known = targets.get(callee);
        if (known) known.push(to);
        else targets.set(callee, [to]);
      }
    }
    if (targets.size === 0) return NO_CALLS;
    return Array.from(targets, ([source, to]) => {
      const after = this.automaton.stateOf(to);
      return new RuleCall(source, () => this.character(after), this.automaton.onlyEnds(after));
    });
  }

  protected override character(state: number): number {
    const id = super.character(state);
    if (state !== DEAD && !this.#tokenMoves.has(id)) {
      const edges = this.automaton.subset(state).flatMap((from) => this.automaton.nfa.tokens[from]);
      this.#tokenMoves.set(id, NO_TOKEN_MOVES);
      if (edges.length > 0)
        this.#tokenMoves.set(
          id,
          edges
            .map(({ edge, to }) => ({ ...edge, to: this.character(this.automaton.stateOf([to])) }))
            .filter(({ to }) => to !== STUCK),
        );
    }
    return id;
  }
}

class RuleCall implements Call {
  readonly capture = false;
  readonly tail: boolean;
  readonly #source: MachineSource;
  readonly #after: () => number;
  #machine: Machine | undefined;

  constructor(source: MachineSource, after: () => number, tail: boolean) {
    this.#source = source;
    this.#after = after;
    this.tail = tail;
  }

  get machine(): Machine {
    return (this.#machine ??= this.#source());
  }

  get start(): number {
    return this.machine.start;
  }

  resume(): number {
    return this.#after();
  }
}
