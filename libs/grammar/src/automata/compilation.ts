import { isStarlingError, StarlingError, type ErrorDetails } from '@starling/core';
import { grammarError, LIMITS, limitError } from '../limits.js';
import { Dfa } from './dfa.js';
import { factsOf, knowFacts, type DfaFacts } from './dfa-facts.js';
import { CompilationTooLong, metered, type WorkMeter } from './spend-work.js';

/** An automaton as plain data, which one thread can make for another. */
export interface AutomatonData extends Pick<Dfa, 'classStarts' | 'table' | 'labels' | 'start' | 'isTrim'> {
  /** For automata that it takes long to look at. */
  readonly facts?: DfaFacts;
}

/** Cells of an automaton that are looked at at once: about a millisecond. */
const QUICK_CELLS = 1 << 15;

/** An automaton that was refused: what refused it may have done without. */
export interface RefusedAutomaton {
  readonly refusal: { readonly message: string; readonly details: ErrorDetails };
}

/** The automata that a compilation made, in order. Another of the same source, with these at hand, makes none. */
export type MadeAutomata = readonly (AutomatonData | RefusedAutomaton)[];

/**
 * What is kept of one compilation while it runs. Compiling is synchronous and the same for the same source, so that automata can be told by
 * their order; caches beyond the one compilation would change that, and are left aside where automata are written down or read back.
 */
interface Compilation extends WorkMeter {
  /** Where automata are written down, or those that are read back. */
  readonly made: MadeAutomata[number][] | undefined;
  readonly reads: boolean;
  next: number;
  /** Inside of an automaton that is being made: those that it is made of are not written down. */
  depth: number;
  /** Automata that caches would have kept. */
  readonly kept: Map<AutomatonCache, Map<string, Dfa>>;
}

let current: Compilation | undefined;

function run<T>(compilation: Compilation, compile: () => T): T {
  const outer = current;
  current = compilation;
  try {
    return metered(compilation, compile);
  } finally {
    current = outer;
  }
}

const begin = (workLimit: number, made?: MadeAutomata[number][], reads = false): Compilation => ({
  work: 0,
  workLimit,
  made,
  reads,
  next: 0,
  depth: 0,
  kept: new Map(),
});

/**
 * Compiles as usual if that takes little work; undefined if it takes more.
 * @param work steps, of which there are some millions in a second
 */
export function compileWithin<T>(work: number, compile: () => T): T | undefined {
  try {
    return run(begin(work), compile);
  } catch (error) {
    if (error instanceof CompilationTooLong) return undefined;
    throw error;
  }
}

/** Compiles, and gives the automata that were made on the way. @throws StarlingError as the compilation */
export function automataOf(compile: () => unknown): MadeAutomata {
  const made: MadeAutomata[number][] = [];
  const compilation = begin(Infinity, made);
  run(compilation, compile);
  // Whatever refused it may have gone on without: the next would not be refused there.
  if (compilation.work > LIMITS.compileWork) throw limitError('compileWork', 'steps to make all automata');
  return made;
}

/** Compiles with automata that a compilation of the same source has made, with the stops that the compilation has. @throws StarlingError as the compilation */
export function* compileWith<T>(made: MadeAutomata, compile: Generator<undefined, T>): Generator<undefined, T> {
  const compilation = begin(Infinity, [...made], true);
  for (;;) {
    const step = run(compilation, () => compile.next());
    if (step.done === true) return step.value;
    yield;
  }
}

/** An automaton that takes work to make: made, or read back. */
export function automaton(make: () => Dfa): Dfa {
  const compilation = current;
  if (compilation?.made === undefined || compilation.depth > 0) return make();
  if (compilation.reads) {
    const data = compilation.made[compilation.next++];
    // Another source, or another version of this library.
    if (data === undefined)
      throw new StarlingError(
        'internal',
        'a compilation makes other automata than the one before it: both must be of the same source and version',
      );
    if ('refusal' in data) throw grammarError(data.refusal.message, data.refusal.details);
    const dfa = new Dfa(data.classStarts, data.table, data.labels, data.start, data.isTrim);
    if (data.facts) knowFacts(dfa, data.facts);
    return dfa;
  }
  compilation.depth++;
  try {
    const dfa = make();
    compilation.made.push(dataOf(dfa));
    return dfa;
  } catch (error) {
    if (isStarlingError(error, 'invalid_grammar'))
      compilation.made.push({ refusal: { message: error.message, details: error.details } });
    throw error;
  } finally {
    compilation.depth--;
  }
}

/** An automaton written down. All is copied: what is handed to another thread is gone here, and the automaton may be one that is always there. */
function dataOf(dfa: Dfa): AutomatonData {
  const { classStarts, table, labels, start, isTrim } = dfa;
  const data = { classStarts: classStarts.slice(), table: table.slice(), labels: labels.slice(), start, isTrim };
  if (table.length <= QUICK_CELLS) return data;
  const { live, freeRuns } = factsOf(dfa);
  return { ...data, facts: { live: live.slice(), freeRuns: freeRuns.slice() } };
}

/** Automata of one owner that are kept for its compilations to come: others would find theirs made sooner, and learn of it. */
export class AutomatonMemory {
  readonly #kept = new Map<AutomatonCache, Map<string, Dfa>>();

  /** What it has of one kind. */
  of(cache: AutomatonCache): Map<string, Dfa> {
    const known = this.#kept.get(cache);
    if (known) return known;
    const kept = new Map<string, Dfa>();
    this.#kept.set(cache, kept);
    return kept;
  }

  /** Does work that finds here what it needs, and leaves here what it made. */
  during<T>(work: () => T): T {
    return withMemory(this, work);
  }
}

/** What every source may need, and all of those who name no memory. */
const common = new AutomatonMemory();
let memory = common;

function withMemory<T>(own: AutomatonMemory, work: () => T): T {
  const outer = memory;
  memory = own;
  try {
    return work();
  } finally {
    memory = outer;
  }
}

/** The memory of the work that is under way. */
export const currentMemory = (): AutomatonMemory => memory;

/** Automata that are kept for compilations to come. */
export class AutomatonCache {
  readonly #limit: number;

  /** @param limit beyond it all are forgotten */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** One that depends on what a source says: kept in the memory of the compilation. */
  get(key: string, make: () => Dfa): Dfa {
    if (current?.made === undefined)
      return this.#keep(key, memory.of(this).get(key) ?? common.of(this).get(key) ?? automaton(make));
    let own = current.kept.get(this);
    if (own === undefined) current.kept.set(this, (own = new Map()));
    let dfa = own.get(key);
    if (dfa === undefined) own.set(key, (dfa = automaton(make)));
    return current.reads ? this.#keep(key, dfa) : dfa;
  }

  /** One that every source may need, with all that it is made of: kept for all. */
  getCommon(key: string, make: () => Dfa): Dfa {
    return common.during(() => this.get(key, make));
  }

  #keep(key: string, dfa: Dfa): Dfa {
    const kept = memory.of(this);
    if (kept.size >= this.#limit && !kept.has(key)) kept.clear();
    kept.set(key, dfa);
    return dfa;
  }
}
