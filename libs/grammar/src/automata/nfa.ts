import { LIMITS, limitError } from '../limits.js';
import { codeOf, type CodeSet } from './code-set.js';
import { spendWork } from './spend-work.js';

/** For states without edges of a kind, which nearly all are: each has arrays of its own only where there is something in them. */
const NONE: never[] = [];

function add<T>(edges: T[][], from: number, edge: T): void {
  if (edges[from].length === 0) edges[from] = [edge];
  else edges[from].push(edge);
}

/** Making a state takes as long as so many steps in making an automaton. */
const STATE_COST = 8;

/** A condition on the characters before and after a position. */
export type Assertion = 'start' | 'end' | 'word' | 'notWord';

/** A part of an automaton with one way in and one way out. */
export interface Fragment {
  readonly start: number;
  readonly end: number;
}

/** An edge that one whole token takes: see the token moves of machines. */
export interface TokenEdge {
  readonly kind: 'only' | 'except' | 'control';
  readonly tokens: readonly (number | string)[];
  /** Whether tokens that the vocabulary does not have are left out; else they are an error. */
  readonly optional?: boolean;
}

/**
 * A nondeterministic automaton over code points, built piece by piece. `C` is what its call edges name
 * (other parts of a grammar); regular expressions have none. State ids run from 0.
 */
export class Nfa<C = never> {
  readonly empties: number[][] = [];
  readonly moves: { readonly set: CodeSet; readonly to: number }[][] = [];
  readonly assertions: { readonly kind: Assertion; readonly to: number }[][] = [];
  readonly calls: { readonly callee: C; readonly to: number }[][] = [];
  readonly tokens: { readonly edge: TokenEdge; readonly to: number }[][] = [];
  hasAssertions = false;

  get size(): number {
    return this.empties.length;
  }

  state(): number {
    if (this.size >= LIMITS.nfaStates) throw limitError('nfaStates', 'steps (repetitions of repetitions multiply)');
    spendWork(STATE_COST);
    this.empties.push(NONE);
    this.moves.push(NONE);
    this.assertions.push(NONE);
    this.calls.push(NONE);
    this.tokens.push(NONE);
    return this.size - 1;
  }

  link(from: number, to: number): void {
    add(this.empties, from, to);
  }

  move(from: number, set: CodeSet, to: number): void {
    if (set.length > 0) add(this.moves, from, { set, to });
  }

  tokenMove(from: number, edge: TokenEdge, to: number): void {
    add(this.tokens, from, { edge, to });
  }

  /** A piece that reads one code point of the set. */
  set(set: CodeSet): Fragment {
    const [start, end] = [this.state(), this.state()];
    this.move(start, set, end);
    return { start, end };
  }

  /** A piece that reads nothing. */
  nothing(): Fragment {
    const state = this.state();
    return { start: state, end: state };
  }

  assertion(kind: Assertion): Fragment {
    const [start, end] = [this.state(), this.state()];
    add(this.assertions, start, { kind, to: end });
    this.hasAssertions = true;
    return { start, end };
  }

  call(callee: C): Fragment {
    const [start, end] = [this.state(), this.state()];
    add(this.calls, start, { callee, to: end });
    return { start, end };
  }

  token(edge: TokenEdge): Fragment {
    const [start, end] = [this.state(), this.state()];
    this.tokenMove(start, edge, end);
    return { start, end };
  }

  text(text: string): Fragment {
    const start = this.state();
    let end = start;
    for (const char of text) {
      const next = this.state();
      this.move(end, codeOf(char.codePointAt(0)!), next);
      end = next;
    }
    return { start, end };
  }

  sequence(parts: readonly Fragment[]): Fragment {
    if (parts.length === 0) return this.nothing();
    for (let i = 1; i < parts.length; i++) this.link(parts[i - 1].end, parts[i].start);
    return { start: parts[0].start, end: parts[parts.length - 1].end };
  }

  choice(parts: readonly Fragment[]): Fragment {
    const [start, end] = [this.state(), this.state()];
    for (const part of parts) {
      this.link(start, part.start);
      this.link(part.end, end);
    }
    return { start, end };
  }

  /** `make()` repeated from `min` to `max` times; without `max`, any number of times. */
  repeat(make: () => Fragment, min: number, max?: number): Fragment {
    const start = this.state();
    let end = start;
    for (let i = 0; i < min; i++) {
      const part = make();
      this.link(end, part.start);
      end = part.end;
    }
    if (max === undefined) {
      const loop = this.state();
      const part = make();
      this.link(end, loop);
      this.link(loop, part.start);
      this.link(part.end, loop);
      return { start, end: loop };
    }
    const out = this.state();
    for (let i = min; i < max; i++) {
      const part = make();
      this.link(end, out);
      this.link(end, part.start);
      end = part.end;
    }
    this.link(end, out);
    return { start, end: out };
  }
}
