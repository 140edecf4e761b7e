import { StarlingError, isStarlingError, monotonicClock } from '@starling/core';
import {
  AutomatonMemory,
  GrammarIndex,
  GrammarMatcher,
  atOnce,
  checkSchemaValues,
  compileWith,
  compileWithin,
  matcherSteps,
  unpackSteps,
  type Grammar,
  type PackedAutomata,
} from '@starling/grammar';
import type { Tokenizer } from '@starling/tokenizer';
import type { AsideWork } from './aside/aside-job.js';
import { Breather } from './breather.js';
import type { ConstraintCompiler, OutputMatcher } from './constraint.js';
import { grammarOf, preparedGrammarSteps, vocabularyOf } from './constraint-grammar.js';
import type { OutputConstraint } from './generate-types.js';
import { NamedMatcher } from './named-matcher.js';
import { RecentCache } from './recent-cache.js';
import { ScopedCache, type ScopedLimits } from './scoped-cache.js';

/** Characters of the texts that grammars are known by: of one tenant's, and so of one. */
const KEPT_CHARACTERS = 1 << 23;
/** Compiled grammars that are kept, with the masks found for them, and as many refusals of others: those that each tenant used last. */
const KEPT: ScopedLimits = {
  each: { entries: 64, characters: KEPT_CHARACTERS },
  all: { entries: 256, characters: 2 * KEPT_CHARACTERS },
};
/** Tenants whose parts of grammars are kept, for grammars that have them in common. */
const KEPT_MEMORIES = 32;
/** Steps of a compilation that are made at once: some milliseconds. What takes more is worked out beside. */
const QUICK_WORK = 15_000;
/** Characters of a constraint that are compiled at once, whatever comes of it. */
const QUICK_CHARACTERS = 1 << 15;

/** How long work holds the thread before others have a turn. */
const PIECE_MS = 5;

/** Work with stops on its way: others have their turns there. */
async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  const breather = new Breather(PIECE_MS, monotonicClock);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (breather.isDue) await breather.pause();
  }
}

/** The same steps, each with what a memory has. */
function* stepsIn<T>(memory: AutomatonMemory, steps: Generator<undefined, T>): Generator<undefined, T> {
  for (let step = memory.during(() => steps.next()); ; step = memory.during(() => steps.next())) {
    if (step.done === true) return step.value;
    yield;
  }
}

/** A grammar of automata that were made beside. */
function* readBack(packed: PackedAutomata, constraint: OutputConstraint): Generator<undefined, Grammar> {
  return yield* compileWith(yield* unpackSteps(packed), preparedGrammarSteps(constraint));
}

/** Whose request a constraint belongs to. */
export interface ConstraintCaller {
  readonly tenant?: string;
  readonly signal?: AbortSignal;
}

/** A constraint as it is known: by its text, to the tenant that asked for it. */
interface Asked {
  readonly constraint: OutputConstraint;
  readonly tenant: string;
  readonly key: string;
}

/** Compiles constraints where the caller can wait. */
export interface WaitingCompiler extends ConstraintCompiler {
  /**
   * Has a constraint worked out, beside the calling thread as far as that takes long, so that it is then compiled at once.
   * A constraint that is refused is found to be refused when it is compiled.
   * @throws StarlingError as `AsideWork.do`
   */
  prepare(constraint: OutputConstraint, aside: AsideWork, caller: ConstraintCaller): Promise<void>;
}

/**
 * Compiles the grammars, schemas and expressions of requests for one model. What a tenant asks for again is taken from a cache; so is that
 * it was refused, which may have taken as long to find out. Tenants share neither: how long it takes would tell them what others ask for.
 * @param logitCount ids that the model has logits for; those beyond the vocabulary are never allowed
 */
export function constraintCompiler(tokenizer: Tokenizer, logitCount: number): WaitingCompiler {
  const kept = new ScopedCache<Grammar>(KEPT);
  const refused = new ScopedCache<Refusal>(KEPT);
  const memories = new RecentCache<AutomatonMemory>({ entries: KEPT_MEMORIES, characters: KEPT_CHARACTERS });
  let index: GrammarIndex | undefined;
  let indexing: Promise<void> | undefined;

  const memoryOf = (tenant: string): AutomatonMemory => {
    const known = memories.get(tenant);
    if (known) return known;
    const made = new AutomatonMemory();
    memories.set(tenant, made);
    return made;
  };

  /** A refusal, with the name of the constraint; remembered if it is for what the constraint is, or for the time that it takes. */
  const refusing = ({ constraint, tenant, key }: Asked, error: unknown): unknown => {
    if (!isStarlingError(error, 'invalid_grammar') && !isStarlingError(error, 'unprocessable')) return error;
    const named = namedRefusal(constraint, error);
    refused.set(tenant, key, refusalOf(named));
    return named;
  };

  /** Keeps what a compilation came to. */
  const compiled = (asked: Asked, compile: () => Grammar | undefined): Grammar | undefined => {
    try {
      const grammar = memoryOf(asked.tenant).during(compile);
      if (grammar) kept.set(asked.tenant, asked.key, grammar);
      return grammar;
    } catch (error) {
      throw refusing(asked, error);
    }
  };

  const compile = (constraint: OutputConstraint, tenant = ''): OutputMatcher => {
    const asked = { constraint, tenant, key: keyOf(constraint) };
    const refusal = refused.get(tenant, asked.key);
    if (refusal) throw again(refusal);
    index ??= new GrammarIndex(vocabularyOf(tokenizer, logitCount));
    const grammar = kept.get(tenant, asked.key) ?? compiled(asked, () => grammarOf(constraint))!;
    try {
      // Parts of a grammar are made when they are first used.
      return new NamedMatcher(new GrammarMatcher(grammar, index), (error) => namedRefusal(constraint, error));
    } catch (error) {
      throw refusing(asked, error);
    }
  };

  /** The vocabulary's tree takes a sort of all tokens: it is made beside, once. */
  const prepareIndex = async (aside: AsideWork): Promise<void> => {
    const trie = await aside.do('index', { logitCount });
    index ??= new GrammarIndex(vocabularyOf(tokenizer, logitCount), trie);
  };

  const prepare = async (constraint: OutputConstraint, aside: AsideWork, caller: ConstraintCaller): Promise<void> => {
    if (index === undefined) {
      indexing ??= prepareIndex(aside).finally(() => (indexing = undefined));
      await indexing;
    }
    try {
      const asked = { constraint, tenant: caller.tenant ?? '', key: keyOf(constraint) };
      if (refused.get(asked.tenant, asked.key) === undefined) await prepared(asked, aside, caller);
    } catch (error) {
      if (!isStarlingError(error, 'invalid_grammar')) throw error;
    }
  };

  const prepared = async (asked: Asked, aside: AsideWork, caller: ConstraintCaller): Promise<void> => {
    const { constraint, tenant, key } = asked;
    const quick =
      kept.get(tenant, key) ??
      (key.length <= QUICK_CHARACTERS
        ? compiled(asked, () => compileWithin(QUICK_WORK, () => atOnce(preparedGrammarSteps(constraint))))
        : undefined);
    try {
      const grammar = quick ?? (await madeBeside(asked, aside, caller));
      // What is kept may have been made anew since.
      await inTurns(stepsIn(memoryOf(tenant), matcherSteps(grammar)));
    } catch (error) {
      throw refusing(asked, error);
    }
  };

  const madeBeside = async (
    { constraint, tenant, key }: Asked,
    aside: AsideWork,
    caller: ConstraintCaller,
  ): Promise<Grammar> => {
    const packed = await aside.do('compile', constraint, caller);
    const known = kept.get(tenant, key);
    if (known) return known;
    const grammar = await inTurns(stepsIn(memoryOf(tenant), readBack(packed, constraint)));
    kept.set(tenant, key, grammar);
    return grammar;
  };

  return Object.assign(compile, { prepare });
}

/**
 * A text for each constraint. Schemas are looked at first: one that is too deep could not be written.
 * @throws StarlingError invalid_grammar
 */
function keyOf(constraint: OutputConstraint): string {
  const { grammar, regex, jsonSchema, toolCalls, frame } = constraint;
  try {
    if (jsonSchema !== undefined) checkSchemaValues(jsonSchema);
    for (const tool of toolCalls?.tools ?? [])
      if (tool.function.parameters !== undefined) checkSchemaValues(tool.function.parameters);
  } catch (error) {
    throw isStarlingError(error) ? namedRefusal(constraint, error) : error;
  }
  const key = JSON.stringify([grammar, regex, jsonSchema, toolCalls, frame]);
  // What cannot be kept would be worked out again where nobody can wait for it.
  if (key.length > KEPT_CHARACTERS)
    throw namedRefusal(
      constraint,
      new StarlingError(
        'invalid_grammar',
        `the grammar and the tools have more than ${KEPT_CHARACTERS} characters; make them smaller`,
        { details: { limit: 'constraintCharacters', maximum: KEPT_CHARACTERS } },
      ),
    );
  return key;
}

/** The refusal with the name of what was refused. */
function namedRefusal(constraint: OutputConstraint, { code, message, details }: StarlingError): StarlingError {
  const param =
    'tool' in details
      ? 'toolCalls'
      : (['grammar', 'regex', 'jsonSchema', 'toolCalls'] as const).find((name) => constraint[name] !== undefined);
  return new StarlingError(code, message, { details: { ...details, param } });
}

/** What is kept of an error: the error itself holds whatever its stack came by, request and connection and all. */
type Refusal = Pick<StarlingError, 'code' | 'message' | 'details'>;

const refusalOf = ({ code, message, details }: StarlingError): Refusal => ({ code, message, details });

/** An error of its own for each request: whoever gets it may add to it. */
function again({ code, message, details }: Refusal): StarlingError {
  return new StarlingError(code, message, { details });
}
