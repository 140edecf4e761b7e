import { StarlingError } from '@starling/core';
import { Candidates } from './candidates.js';
import { buildChain, type Chain, type StageFactory } from './chain.js';
import { resolveSamplerParams, type SamplerOptions } from './params.js';
import type { SamplerStage, StageState } from './stage.js';
import type { SamplerVocabulary } from './vocabulary.js';
import type { TokenMask } from '@starling/grammar';

/** What restricts the next token beyond probabilities: a grammar's matcher, for example. */
export interface TokenConstraint {
  /** Whether the token may come next. */
  accepts(id: number): boolean;
  /** All tokens that may come next. */
  mask(): TokenMask;
  /** The same with stops on the way, where it may take long. */
  maskSteps?(): Generator<undefined, TokenMask>;
  /** The token has come. */
  advance(id: number): void;
  fork(): TokenConstraint;
}

/** A candidate of the final draw. */
export interface Candidate {
  readonly id: number;
  /** Its probability after the whole chain, 0 to 1. */
  readonly probability: number;
}

/** What `sample()` chose. */
export interface SampledToken extends Candidate {
  /** The most likely candidates of the draw, most likely first, if asked for. */
  readonly candidates?: readonly Candidate[];
}

/** Everything that a sampler remembers, as plain values for JSON. */
export interface SamplerState {
  readonly version: 1;
  /** The states of the stages, in their order; null for those that remember nothing. */
  readonly stages: readonly (StageState | null)[];
}

/** Turns logits into tokens, one sequence's tokens one after the other. */
export interface Sampler {
  /** The names of the stages, in their order. */
  readonly stages: readonly string[];
  /** The seed in use: the one asked for, or the random one that was taken instead. */
  readonly seed: number;
  /**
   * Chooses the next token. `logits` (n_vocab, or a row padded beyond it) are not changed, the history neither: call `accept` with the token that was really
   * taken. With a constraint, the chosen token is tested first; only if it is refused, all others that may not come are masked
   * and the chain runs once more.
   * @throws StarlingError invalid_argument for too few logits; unprocessable if no token can be drawn.
   */
  sample(
    logits: Float32Array,
    constraint?: TokenConstraint,
    options?: { readonly topCandidates?: number },
  ): SampledToken;
  /** The same with the stops that the constraint has while it makes a mask. Neither it nor the sampler is to be used meanwhile. */
  sampleSteps(
    logits: Float32Array,
    constraint?: TokenConstraint,
    options?: { readonly topCandidates?: number },
  ): Generator<undefined, SampledToken>;
  /** Adds a token to the history: every token of the prompt, then every token taken. */
  accept(id: number): void;
  /** A sampler of its own that would go on in the same way. */
  fork(): Sampler;
  save(): SamplerState;
  /**
   * Takes over the state of a sampler with the same parameters.
   * @throws StarlingError invalid_argument if the state is one of another chain.
   */
  restore(state: SamplerState): void;
}

/** Where samplers of one vocabulary work: one set of arrays for all of them, since each `sample()` is done before the next. */
const workspaces = new WeakMap<SamplerVocabulary, Candidates>();

/**
 * Makes a sampler. Sharing one `vocabulary` object among all samplers of a model shares their working arrays.
 * @throws StarlingError invalid_argument for parameters out of range, and for stages that nobody knows: `details` say which, and the nearest that is known.
 */
export function createSampler(
  params: SamplerOptions,
  vocabulary: SamplerVocabulary,
  options: { readonly stages?: Readonly<Record<string, StageFactory>> } = {},
): Sampler {
  const resolved = resolveSamplerParams(params);
  const seed = resolved.seed ?? randomSeed();
  const chain = buildChain({ ...resolved, seed }, vocabulary, options.stages ?? {});
  return new ChainSampler(chain, seed, vocabulary);
}

function randomSeed(): number {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0];
}

class ChainSampler implements Sampler {
  private readonly all: readonly SamplerStage[];

  constructor(
    private readonly chain: Chain,
    readonly seed: number,
    private readonly vocabulary: SamplerVocabulary,
  ) {
    this.all = [...chain.restrictions, ...chain.stages];
  }

  get stages(): readonly string[] {
    return this.all.map((stage) => stage.name);
  }

  sample(
    logits: Float32Array,
    constraint?: TokenConstraint,
    options?: { readonly topCandidates?: number },
  ): SampledToken {
    const steps = this.sampleSteps(logits, constraint, options);
    for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
  }

  *sampleSteps(
    logits: Float32Array,
    constraint?: TokenConstraint,
    options?: { readonly topCandidates?: number },
  ): Generator<undefined, SampledToken> {
    const candidates = this.workspace();
    let selected = this.choose(candidates, logits);
    if (constraint !== undefined && !constraint.accepts(candidates.ids[selected])) {
      // Others may use the workspace at the stops: nothing of it is looked at after them but what is loaded anew.
      const mask = constraint.maskSteps ? yield* constraint.maskSteps() : constraint.mask();
      selected = this.choose(candidates, logits, mask);
      if (!constraint.accepts(candidates.ids[selected])) throw nothingToDraw(this.stages);
    }
    const id = candidates.ids[selected];
    const probability = candidates.probabilities[selected];
    const count = options?.topCandidates ?? 0;
    return count > 0 ? { id, probability, candidates: mostLikely(candidates, count) } : { id, probability };
  }

  accept(id: number): void {
    for (const stage of this.all) stage.accept?.(id);
  }

  fork(): Sampler {
    const { restrictions, stages, mayBanAll } = this.chain;
    const forked = {
      mayBanAll,
      restrictions: restrictions.map((stage) => stage.fork()),
      stages: stages.map((stage) => stage.fork()),
    };
    return new ChainSampler(forked, this.seed, this.vocabulary);
  }

  save(): SamplerState {
    return { version: 1, stages: this.all.map((stage) => stage.save?.() ?? null) };
  }

  restore(state: SamplerState): void {
    const fits = state.version === 1 && state.stages.length === this.all.length;
    if (!fits || this.all.some((stage, i) => (stage.restore === undefined) !== (state.stages[i] === null))) {
      throw new StarlingError(
        'invalid_argument',
        `the saved state is not one of the chain ${this.stages.join(', ')}: make the sampler with the same parameters`,
        {
          details: { chain: this.stages, savedStages: state.stages.length },
        },
      );
    }
    this.all.forEach((stage, i) => {
      const saved = state.stages[i];
      if (saved !== null) stage.restore?.(saved);
    });
  }

  /** Runs the chain once; gives the index of the choice. */
  private choose(candidates: Candidates, logits: Float32Array, mask?: TokenMask): number {
    const { restrictions, stages, mayBanAll } = this.chain;
    candidates.load(logits);
    if (mask !== undefined) candidates.applyMask(mask);
    for (const stage of restrictions) stage.apply(candidates);
    if ((mask !== undefined || mayBanAll) && candidates.maximum() === -Infinity) throw nothingToDraw(this.stages);
    for (const stage of stages) stage.apply(candidates);
    const { selected } = candidates;
    if (
      selected === undefined ||
      Number.isNaN(candidates.probabilities[selected]) ||
      Number.isNaN(candidates.logits[selected])
    )
      throw nothingToDraw(this.stages);
    return selected;
  }

  private workspace(): Candidates {
    let candidates = workspaces.get(this.vocabulary);
    if (candidates === undefined) workspaces.set(this.vocabulary, (candidates = new Candidates(this.vocabulary.size)));
    return candidates;
  }
}

function nothingToDraw(chain: readonly string[]): StarlingError {
  return new StarlingError(
    'unprocessable',
    'no token can be drawn: biases, bans, the grammar and the chain leave none, or the logits are NaN',
    {
      details: { chain },
    },
  );
}

function mostLikely({ ids, probabilities, size }: Candidates, count: number): Candidate[] {
  return Array.from({ length: size }, (_, i) => ({ id: ids[i], probability: probabilities[i] }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}
