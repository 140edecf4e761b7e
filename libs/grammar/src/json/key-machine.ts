import { DEAD, REJECT, type Dfa } from '../automata/dfa.js';
import { codeMoves, isFreeLoop, type CodeAutomaton, type CodeMoves } from '../machine/code-automaton.js';
import { JsonStringMachine, type EscapeStyle } from '../machine/json-string-machine.js';
import type { StateBudget } from '../machine/machine.js';
import { reachableGroups } from '../schema/key-groups.js';

/**
 * The keys of a language whose groups are among those available. A state is one of the language and the available groups that its
 * texts can still belong to: what is not reachable any more does not tell states apart.
 */
class AvailableKeys implements CodeAutomaton {
  readonly start = DEAD;
  readonly #keys: Dfa;
  readonly #groups: readonly bigint[];
  readonly #ids = new Map<string, number>();
  readonly #states: { readonly state: number; readonly available: bigint }[] = [{ state: DEAD, available: 0n }];
  readonly #moves: (CodeMoves | undefined)[] = [];

  constructor(keys: Dfa) {
    this.#keys = keys;
    this.#groups = reachableGroups(keys);
  }

  startWith(available: bigint): number {
    return this.#stateOf(this.#keys.start, available);
  }

  moves(id: number): CodeMoves {
    let moves = this.#moves[id];
    if (!moves) {
      const { state, available } = this.#states[id];
      const width = this.#keys.classCount;
      const targets = Array.from(this.#keys.table.subarray(state * width, (state + 1) * width), (to) => this.#stateOf(to, available));
      this.#moves[id] = moves = codeMoves(this.#keys.classStarts, targets);
    }
    return moves;
  }

  exit(id: number): number {
    const { state, available } = this.#states[id];
    const label = this.#keys.labels[state];
    return label !== REJECT && (available >> BigInt(label - 1)) & 1n ? label : REJECT;
  }

  alike(state: number): number {
    return state;
  }

  freeRun(id: number): number {
    return isFreeLoop(this.moves(id), id) ? Infinity : 0;
  }

  #stateOf(state: number, available: bigint): number {
    const reachable = available & this.#groups[state];
    if (state === DEAD || reachable === 0n) return DEAD;
    const key = `${state} ${reachable.toString(36)}`;
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#states.push({ state, available: reachable }) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }
}

/** Reads a key of an object as a JSON string; its exit is the label of the key's group. */
export class KeyMachine extends JsonStringMachine {
  declare protected readonly automaton: AvailableKeys;

  constructor(keys: Dfa, escapes: EscapeStyle, budget: StateBudget) {
    super(new AvailableKeys(keys), escapes, budget);
  }

  /** The state before a key of one of the available groups. */
  startWith(available: bigint): number {
    return this.startAt(this.automaton.startWith(available));
  }
}
