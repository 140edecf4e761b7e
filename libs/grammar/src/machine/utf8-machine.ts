import { DEAD } from '../automata/dfa.js';
import { SURROGATE_END, SURROGATE_START } from '../automata/code-set.js';
import { commonTarget, leadsSomewhere, targetOf, type CodeAutomaton } from './code-automaton.js';
import {
  NO_CALLS,
  NO_EXIT,
  NO_TOKEN_MOVES,
  STUCK,
  type Call,
  type Machine,
  type StateBudget,
  type TokenMove,
} from './machine.js';

const UNKNOWN = -1;
/** What a state with a table of its own counts in the budget. */
const TABLE_COST = 8;

/**
 * Runs an automaton over code points on the bytes of UTF-8. Its states:
 *
 * | state | made of | reads |
 * |---|---|---|
 * | character | a state of the automaton, between two characters | any first byte; has a table of 256 moves, filled when used |
 * | tail | bounds of a byte, next state | the rest of a character when all that it may become lead to one state |
 * | partial | automaton state, value so far, bytes to come | the rest of a character otherwise |
 *
 * Only well-formed UTF-8 passes: no overlong forms, no surrogates. Subclasses add states of their own with `define`.
 */
export abstract class Utf8Machine implements Machine {
  abstract readonly start: number;
  protected readonly automaton: CodeAutomaton;
  readonly #budget: StateBudget;
  readonly #steps: ((byte: number) => number)[] = [() => STUCK];
  readonly #tables: (Int32Array | undefined)[] = [undefined];
  readonly #exits: number[] = [NO_EXIT];
  readonly #callLists: (readonly Call[])[] = [NO_CALLS];
  /** (states) the automaton's state between two characters, DEAD inside of one. */
  readonly #codes: number[] = [DEAD];
  readonly #characters = new Map<number, number>();
  readonly #named = new Map<string, number>();
  readonly #tails = new Map<number, number>();

  constructor(automaton: CodeAutomaton, budget: StateBudget) {
    this.automaton = automaton;
    this.#budget = budget;
  }

  /** The state that an ASCII byte leads to from between two characters. */
  protected abstract ascii(state: number, byte: number): number;

  next(state: number, byte: number): number {
    const table = this.#tables[state];
    if (table === undefined) return this.#steps[state](byte);
    const known = table[byte];
    return known === UNKNOWN ? (table[byte] = this.#steps[state](byte)) : known;
  }

  exit(state: number): number {
    return this.#exits[state];
  }

  calls(state: number): readonly Call[] {
    return this.#callLists[state];
  }

  tokenMoves(_state: number): readonly TokenMove[] {
    return NO_TOKEN_MOVES;
  }

  hasEvents(state: number): boolean {
    return this.#exits[state] !== NO_EXIT || this.#callLists[state] !== NO_CALLS;
  }

  freeRun(_state: number): number {
    return 0;
  }

  alike(state: number, bytes: number): number {
    const code = this.#codes[state];
    return code === DEAD ? state : this.character(this.automaton.alike(code, bytes));
  }

  /** The automaton's state, for a state between two characters; DEAD for others. */
  protected codeState(state: number): number {
    return this.#codes[state];
  }

  /** The state named `key`, made by `make` when it is first asked for. */
  protected define(key: string, step: (byte: number) => number, exit = NO_EXIT): number {
    let id = this.#named.get(key);
    if (id === undefined) this.#named.set(key, (id = this.#add(step, exit)));
    return id;
  }

  /** The state between two characters in a state of the automaton. */
  protected character(state: number): number {
    if (state === DEAD) return STUCK;
    let id = this.#characters.get(state);
    if (id === undefined) {
      id = this.#add(
        (byte) => (byte < 0x80 ? this.ascii(state, byte) : this.#lead(state, byte)),
        this.exitOf(state),
        this.callsOf(state),
        state,
      );
      this.#characters.set(state, id);
    }
    return id;
  }

  /** The exit of the state between two characters. */
  protected exitOf(_state: number): number {
    return NO_EXIT;
  }

  /** The calls of the state between two characters. */
  protected callsOf(_state: number): readonly Call[] {
    return NO_CALLS;
  }

  #add(step: (byte: number) => number, exit = NO_EXIT, calls = NO_CALLS, code = DEAD): number {
    this.#budget.spend(code === DEAD ? 1 : TABLE_COST);
    this.#steps.push(step);
    this.#codes.push(code);
    this.#tables.push(code !== DEAD ? new Int32Array(256).fill(UNKNOWN) : undefined);
    this.#exits.push(exit);
    this.#callLists.push(calls);
    return this.#steps.length - 1;
  }

  /** The first byte of a character of two to four bytes. */
  #lead(state: number, byte: number): number {
    if (byte < 0xc2 || byte > 0xf4) return STUCK;
    if (byte < 0xe0) return this.#rest(state, byte & 0x1f, 1, 0x80);
    if (byte < 0xf0) return this.#rest(state, byte & 0x0f, 2, 0x800);
    return this.#rest(state, byte & 0x07, 3, 0x10000);
  }

  /** The state with `count` bytes of a character to come; its code point begins with the bits of `value` and is at least `least`. */
  #rest(state: number, value: number, count: number, least: number): number {
    const span = 1 << (6 * count);
    const low = Math.max(value * span, least);
    let high = Math.min(value * span + span - 1, 0x10ffff);
    if (low < SURROGATE_START && high >= SURROGATE_START && high <= SURROGATE_END) high = SURROGATE_START - 1;
    if (low > high) return STUCK;
    const moves = this.automaton.moves(state);
    const target = commonTarget(moves, low, high);
    if (target !== undefined) {
      let next = this.character(target);
      for (let i = 1; i < count; i++) next = this.#tail(0x80, 0xbf, next);
      const shift = 6 * (count - 1);
      return this.#tail(0x80 | ((low >> shift) & 0x3f), 0x80 | ((high >> shift) & 0x3f), next);
    }
    if (!leadsSomewhere(moves, low, high)) return STUCK;
    return this.define(`partial ${state} ${value} ${count}`, (byte) => {
      if (byte < 0x80 || byte > 0xbf) return STUCK;
      const longer = (value << 6) | (byte & 0x3f);
      if (count > 1) return this.#rest(state, longer, count - 1, least);
      return longer < least ? STUCK : this.character(targetOf(moves, longer));
    });
  }

  #tail(low: number, high: number, next: number): number {
    if (next === STUCK) return STUCK;
    const key = (next * 256 + low) * 256 + high;
    let id = this.#tails.get(key);
    if (id === undefined) {
      id = this.#add((byte) => (byte >= low && byte <= high ? next : STUCK));
      this.#tails.set(key, id);
    }
    return id;
  }
}

/** The texts of an automaton as they are: regular expressions, numbers, literals. Exits are the automaton's. */
export class TextMachine extends Utf8Machine {
  readonly start: number;

  constructor(automaton: CodeAutomaton, budget: StateBudget) {
    super(automaton, budget);
    this.start = this.character(automaton.start);
  }

  protected ascii(state: number, byte: number): number {
    return this.character(targetOf(this.automaton.moves(state), byte));
  }

  protected override exitOf(state: number): number {
    return this.automaton.exit(state);
  }
}
