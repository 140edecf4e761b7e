import { automaton } from '../automata/compilation.js';
import { ACCEPT, classStartsOf, DfaBuilder, REJECT, classOf, type Dfa } from '../automata/dfa.js';
import { reduce } from '../automata/reduce.js';
import { LIMITS, limitError } from '../limits.js';
import { fractionDigit, fractionLength, integerDigits, scaledInteger, type Decimal } from './decimal.js';

const ZERO = 0x30;
const POINT = 0x2e;
const CLASSES = classStartsOf([POINT, POINT + 1, ...Array.from({ length: 11 }, (_, digit) => ZERO + digit)]);

/** What the next character of a decimal is: a digit, or the point. */
type Char = number | 'point';

/** Builds an automaton over digits and the point by following states of any kind; equal states have equal JSON. */
function explore<S>(start: S, step: (state: S, char: Char) => S | undefined, accepts: (state: S) => boolean): Dfa {
  return automaton(() => makeExplored(start, step, accepts));
}

function makeExplored<S>(start: S, step: (state: S, char: Char) => S | undefined, accepts: (state: S) => boolean): Dfa {
  const builder = new DfaBuilder(CLASSES);
  const known = new Map<string, number>();
  const states: (S | undefined)[] = [undefined];
  const idOf = (state: S): number => {
    const key = JSON.stringify(state);
    let id = known.get(key);
    if (id === undefined) {
      known.set(key, (id = builder.add(accepts(state) ? ACCEPT : REJECT)));
      states.push(state);
    }
    return id;
  };
  const first = idOf(start);
  for (let id = 1; id < states.length; id++) {
    for (const char of ['point', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const) {
      const next = step(states[id]!, char);
      if (next !== undefined) builder.setMove(id, classOf(CLASSES, char === 'point' ? POINT : ZERO + char), idOf(next));
    }
    builder.spend(11);
  }
  return reduce(builder.build(first));
}

/** Decimals without sign: up to `whole` digits before the point, no superfluous zero, and up to `fraction` after it. */
export function plainShape(whole: number, fraction: number): Dfa {
  interface State {
    readonly zero?: boolean;
    readonly before: number;
    readonly after?: number;
  }
  return explore<State>(
    { before: 0 },
    (state, char) => {
      if (char === 'point')
        return state.after === undefined && state.before > 0 && fraction > 0 ? { before: 1, after: 0 } : undefined;
      if (state.after !== undefined) return state.after < fraction ? { before: 1, after: state.after + 1 } : undefined;
      if (state.before === 0) return char === 0 ? { zero: true, before: 1 } : { before: 1 };
      return state.zero || state.before >= whole ? undefined : { before: state.before + 1 };
    },
    (state) => (state.after === undefined ? state.before > 0 : state.after > 0),
  );
}

/** How the digits so far compare to as many of the bound: -1, 0 or 1. */
interface Compared {
  /** Digits before the point; undefined once the point was read. */
  readonly before?: number;
  readonly after?: number;
  readonly order: number;
}

/** Decimals that are at least, or at most, a magnitude, looking at up to `places` digits after the point. */
export function comparedTo(bound: Decimal, side: 'atLeast' | 'atMost', places: number): Dfa {
  const whole = integerDigits(bound);
  const orderOfWhole = (before: number, order: number): number =>
    before === whole.length ? order : Math.sign(before - whole.length);
  return explore<Compared>(
    { before: 0, order: 0 },
    (state, char) => {
      if (char === 'point')
        return state.before === undefined ? undefined : { after: 0, order: orderOfWhole(state.before, state.order) };
      if (state.before !== undefined) {
        const before = Math.min(state.before + 1, whole.length + 1);
        return {
          before,
          order: before > whole.length ? 1 : state.order || Math.sign(char - (whole.charCodeAt(before - 1) - ZERO)),
        };
      }
      if (state.order !== 0) return { after: 0, order: state.order };
      const after = Math.min(state.after! + 1, places);
      return { after, order: Math.sign(char - fractionDigit(bound, state.after!)) };
    },
    (state) => {
      let order = state.before === undefined ? state.order : orderOfWhole(state.before, state.order);
      if (order === 0 && fractionLength(bound) > (state.after ?? 0)) order = -1;
      return side === 'atLeast' ? order >= 0 : order <= 0;
    },
  );
}

/** Decimals `d` or `d.ddd`, with a first digit that is not zero, that compare to the leading digits of a bound as told. */
export function mantissaComparedTo(
  bound: Decimal,
  places: number,
  side: 'atLeast' | 'below' | 'atMost' | 'above',
): Dfa {
  interface State {
    readonly read: number;
    readonly point: boolean;
    readonly order: number;
  }
  return explore<State>(
    { read: 0, point: false, order: 0 },
    (state, char) => {
      if (char === 'point') return state.read === 1 && !state.point ? { ...state, point: true } : undefined;
      if ((state.read === 0 && char === 0) || (state.read === 1 && !state.point) || state.read > places)
        return undefined;
      return {
        read: state.read + 1,
        point: state.point,
        order:
          state.order ||
          Math.sign(char - (state.read < bound.digits.length ? bound.digits.charCodeAt(state.read) - ZERO : 0)),
      };
    },
    (state) => {
      if (state.read === 0 || (state.point && state.read === 1)) return false;
      const order = state.order === 0 && state.read < bound.digits.length ? -1 : state.order;
      return side === 'atLeast'
        ? order >= 0
        : side === 'below'
          ? order < 0
          : side === 'atMost'
            ? order <= 0
            : order > 0;
    },
  );
}

/** Decimals with a digit after the point that is not zero. */
export function fractional(): Dfa {
  return explore<{ point: boolean; found: boolean }>(
    { point: false, found: false },
    (state, char) =>
      char === 'point' ? { ...state, point: true } : { ...state, found: state.found || (state.point && char !== 0) },
    (state) => state.found,
  );
}

/** Decimals that are whole multiples of a step, by the remainder of their digits. */
export function multiplesOf(step: Decimal): Dfa {
  const places = fractionLength(step);
  const modulus = Number(scaledInteger({ ...step, negative: false }, places));
  if (modulus > LIMITS.modulus) throw limitError('modulus', 'remainders for multipleOf', { multipleOf: modulus });
  interface State {
    readonly rest: number;
    readonly after?: number;
  }
  return explore<State>(
    { rest: 0 },
    (state, char) => {
      if (char === 'point') return state.after === undefined ? { ...state, after: 0 } : undefined;
      if (state.after === places) return char === 0 ? state : undefined;
      return {
        rest: (state.rest * 10 + char) % modulus,
        ...(state.after === undefined ? {} : { after: state.after + 1 }),
      };
    },
    (state) => {
      let rest = state.rest;
      for (let i = state.after ?? 0; i < places; i++) rest = (rest * 10) % modulus;
      return rest === 0;
    },
  );
}
