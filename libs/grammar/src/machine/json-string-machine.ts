import { DEAD } from '../automata/dfa.js';
import { leadsSomewhere, targetOf, type CodeAutomaton } from './code-automaton.js';
import { STUCK, type StateBudget } from './machine.js';
import { Utf8Machine } from './utf8-machine.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** Which spellings of a character a string may use. `any`: all that JSON has; `minimal`: those that `JSON.stringify` writes. */
export type EscapeStyle = 'any' | 'minimal';

/** The short escapes of JSON: the byte after the backslash, and the code point. */
const SHORT_ESCAPES: ReadonlyMap<number, number> = new Map([
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x2f, 0x2f],
  [0x62, 8],
  [0x66, 12],
  [0x6e, 10],
  [0x72, 13],
  [0x74, 9],
]);

/** The control characters that `JSON.stringify` writes with four digits. */
const LONG_ESCAPES: readonly number[] = Array.from({ length: 0x20 }, (_, code) => code).filter(
  (code) => ![8, 9, 10, 12, 13].includes(code),
);

/**
 * The texts of an automaton, spelled as JSON strings with both quotes: characters as they are, or as any of the escapes that stand
 * for them. Half of a surrogate pair is never written alone. The exit is the automaton's for the text.
 */
export class JsonStringMachine extends Utf8Machine {
  readonly #escapes: EscapeStyle;
  readonly start: number;
  #done: number | undefined;

  constructor(automaton: CodeAutomaton, escapes: EscapeStyle, budget: StateBudget) {
    super(automaton, budget);
    this.#escapes = escapes;
    this.start = this.startAt(automaton.start);
  }

  /** The state before the opening quote of a text that begins in a state of the automaton. */
  startAt(state: number): number {
    return state === DEAD
      ? STUCK
      : this.define(`open ${state}`, (byte) => (byte === QUOTE ? this.character(state) : STUCK));
  }

  /** Between two characters, a string neither ends nor calls. */
  override freeRun(state: number): number {
    const code = this.codeState(state);
    return code === DEAD ? 0 : this.automaton.freeRun(code);
  }

  protected ascii(state: number, byte: number): number {
    if (byte === QUOTE) return this.#close(this.automaton.exit(state));
    if (byte === BACKSLASH) return this.#escape(state);
    return byte < 0x20 ? STUCK : this.character(targetOf(this.automaton.moves(state), byte));
  }

  #close(exit: number): number {
    if (exit === 1 && this.#done !== undefined) return this.#done;
    if (exit === 0) return STUCK;
    const closed = this.define(`closed ${exit}`, () => STUCK, exit);
    if (exit === 1) this.#done = closed;
    return closed;
  }

  /** After a backslash. */
  #escape(state: number): number {
    const moves = this.automaton.moves(state);
    const minimal = this.#escapes === 'minimal';
    const mayEscape = minimal
      ? leadsSomewhere(moves, 0, 0x1f) || targetOf(moves, QUOTE) !== DEAD || targetOf(moves, BACKSLASH) !== DEAD
      : leadsSomewhere(moves, 0, 0x10ffff);
    if (!mayEscape) return STUCK;
    return this.define(`escape ${state}`, (byte) => {
      if (byte === LETTER_U) return this.#hex(state, 0, 4);
      const code = SHORT_ESCAPES.get(byte);
      return code === undefined || (minimal && byte === 0x2f) ? STUCK : this.character(targetOf(moves, code));
    });
  }

  /** With `count` hexadecimal digits of a UTF-16 unit to come, after those that make `value`. */
  #hex(state: number, value: number, count: number): number {
    const low = value << (4 * count);
    const high = low + (1 << (4 * count)) - 1;
    const moves = this.automaton.moves(state);
    const plain =
      this.#escapes === 'minimal'
        ? LONG_ESCAPES.some((code) => code >= low && code <= high && targetOf(moves, code) !== DEAD)
        : leadsSomewhere(moves, low, high);
    const firstHalf = this.#escapes === 'any' ? this.#halves(low, high) : undefined;
    const paired = firstHalf !== undefined && leadsSomewhere(moves, ...firstHalf);
    if (!plain && !paired) return STUCK;
    return this.define(`hex ${state} ${value} ${count}`, (byte) => {
      const digit = hexDigit(byte, this.#escapes);
      if (digit === undefined) return STUCK;
      const longer = value * 16 + digit;
      if (count > 1) return this.#hex(state, longer, count - 1);
      if (longer >= 0xd800 && longer <= 0xdbff) return paired ? this.#secondHalf(state, longer) : STUCK;
      return this.#escapes === 'minimal' && !LONG_ESCAPES.includes(longer)
        ? STUCK
        : this.character(targetOf(moves, longer));
    });
  }

  /** The code points whose first half of a surrogate pair lies between two UTF-16 units. */
  #halves(low: number, high: number): [number, number] | undefined {
    const [first, last] = [Math.max(low, 0xd800), Math.min(high, 0xdbff)];
    return first > last ? undefined : [0x10000 + (first - 0xd800) * 0x400, 0x10000 + (last - 0xd800) * 0x400 + 0x3ff];
  }

  /** After the first half of a pair: the backslash, the u and the digits of the second half. */
  #secondHalf(state: number, firstHalf: number): number {
    const moves = this.automaton.moves(state);
    const base = 0x10000 + (firstHalf - 0xd800) * 0x400;
    if (!leadsSomewhere(moves, base, base + 0x3ff)) return STUCK;
    const digits = (value: number, count: number): number => {
      const low = Math.max(value << (4 * count), 0xdc00);
      const high = Math.min((value << (4 * count)) + (1 << (4 * count)) - 1, 0xdfff);
      if (low > high || !leadsSomewhere(moves, base + low - 0xdc00, base + high - 0xdc00)) return STUCK;
      return this.define(`pair ${state} ${firstHalf} ${value} ${count}`, (byte) => {
        const digit = hexDigit(byte, this.#escapes);
        if (digit === undefined) return STUCK;
        const longer = value * 16 + digit;
        if (count > 1) return digits(longer, count - 1);
        return longer < 0xdc00 || longer > 0xdfff ? STUCK : this.character(targetOf(moves, base + longer - 0xdc00));
      });
    };
    const letter = this.define(`pair ${state} ${firstHalf} u`, (byte) => (byte === LETTER_U ? digits(0, 4) : STUCK));
    return this.define(`pair ${state} ${firstHalf}`, (byte) => (byte === BACKSLASH ? letter : STUCK));
  }
}

function hexDigit(byte: number, escapes: EscapeStyle): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return escapes === 'any' && byte >= 0x41 && byte <= 0x46 ? byte - 0x37 : undefined;
}
