import { intersect, wordsOf } from '../automata/algebra.js';
import { DEAD, REJECT, type Dfa } from '../automata/dfa.js';
import { codeMoves, isFreeLoop, type CodeAutomaton, type CodeMoves } from '../machine/code-automaton.js';
import { JsonStringMachine, type EscapeStyle } from '../machine/json-string-machine.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import { TextMachine } from '../machine/utf8-machine.js';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';
import { ReachableGroups } from '../schema/key-groups.js';

/**
 * The keys of a language whose groups are among those available. A state is one of the language and the available groups that its
 * texts can still belong to: what is not reachable any more does not tell states apart.
 */
class AvailableKeys implements CodeAutomaton {
  readonly start = DEAD;
  readonly #keys: Dfa;
  readonly #groups: ReachableGroups;
  readonly #ids = new Map<string, number>();
  readonly #states: { readonly state: number; readonly available: bigint }[] = [{ state: DEAD, available: 0n }];
  readonly #moves: (CodeMoves | undefined)[] = [];

  constructor(keys: Dfa) {
    this.#keys = keys;
    this.#groups = new ReachableGroups(keys);
  }

  startWith(available: bigint): number {
    return this.#stateOf(this.#keys.start, available);
  }

  moves(id: number): CodeMoves {
    let moves = this.#moves[id];
    if (!moves) {
      const { state, available } = this.#states[id];
      const width = this.#keys.classCount;
      const targets = Array.from(this.#keys.table.subarray(state * width, (state + 1) * width), (to) =>
        this.#stateOf(to, available),
      );
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
    const reachable = available & this.#groups.of(state);
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

/** Reads a key of an object; its exit is the label of the key's group. */
export interface KeyReader extends Machine {
  /** The state before a key of one of the available groups; STUCK if there is none. */
  startWith(available: bigint): number;
}

/** How keys are written. */
export interface KeySpelling {
  readerOf(keys: Dfa): KeyReader;
  /** The key that was written. */
  textOf(written: Uint8Array): string;
}

const decoder = new TextDecoder();

/** Keys as JSON strings. */
export function jsonKeys(escapes: EscapeStyle, budget: StateBudget): KeySpelling {
  return {
    readerOf: (keys) => new KeyMachine(keys, escapes, budget),
    textOf: (written) => JSON.parse(decoder.decode(written)) as string,
  };
}

/** Keys that can be written without quotes: what stands behind them is told from them. */
const BARE_KEY = regexDfa(parseRegex('[^\\s\\u0000-\\u001f\\u007f<>"\'=:,(){}\\[\\]|\\\\]+'), 'full');

/** Whether a key can be written without quotes. */
export function isBareKey(key: string): boolean {
  return BARE_KEY.accepts(key);
}

/** Keys as they are; those that need quotes are left out. @param only no others than these */
export function bareKeys(budget: StateBudget, only?: readonly string[]): KeySpelling {
  const allowed = only === undefined ? BARE_KEY : wordsOf(only);
  return {
    readerOf: (keys) => new BareKeyMachine(intersect(keys, allowed), budget),
    textOf: (written) => decoder.decode(written),
  };
}

/** Reads a key as a JSON string. */
class KeyMachine extends JsonStringMachine implements KeyReader {
  declare protected readonly automaton: AvailableKeys;

  constructor(keys: Dfa, escapes: EscapeStyle, budget: StateBudget) {
    super(new AvailableKeys(keys), escapes, budget);
  }

  startWith(available: bigint): number {
    return this.startAt(this.automaton.startWith(available));
  }
}

class BareKeyMachine extends TextMachine implements KeyReader {
  declare protected readonly automaton: AvailableKeys;

  constructor(keys: Dfa, budget: StateBudget) {
    super(new AvailableKeys(keys), budget);
  }

  startWith(available: bigint): number {
    return this.character(this.automaton.startWith(available));
  }
}
