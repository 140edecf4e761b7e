import { StarlingError } from '@starling/core';
import {
  StopConditions,
  createSampler,
  finishReasonOf,
  type SampledToken,
  type Sampler,
  type SamplerVocabulary,
  type StopReason,
} from '@starling/sampler';
import type { Draft } from '@starling/scheduler';
import type { StreamingDecoder, Tokenizer } from '@starling/tokenizer';
import type { AnswerState } from './answer-state.js';
import { choosingOf } from './choosing.js';
import type { OutputMatcher } from './constraint.js';
import { AnswerDrafts } from './drafting/answer-drafts.js';
import type { GrowingText } from './drafting/drafted-answer.js';
import type { SpeculationOptions } from './drafting/speculation-options.js';
import type { GenerateOptions, GenerateRequest, SampleResult, TokenPart } from './generate-types.js';
import { LimitGuard } from './limit-guard.js';
import { lazyList, withList } from './lazy.js';
import { drawOfRow, logprobsOfRow, rowOfDraw, rowOfLogprobs, tokenDraw, tokenLogprobs } from './logprobs.js';
import { TokenRows } from './token-rows.js';
import { ReasoningBudget, type ReasoningFrame } from './reasoning-budget.js';

/** What a sample needs of its model. */
export interface SampleVocabulary {
  readonly tokenizer: Tokenizer;
  /** One object for all samples of a model: they share their working arrays. */
  readonly sampling: SamplerVocabulary;
}

export interface SampleOptions {
  readonly sample: number;
  readonly request: GenerateRequest;
  readonly promptTokens: Uint32Array;
  /** How many of them an encoder reads: those are no part of what the answer goes on from. Default 0. */
  readonly encoderTokens?: number;
  /** Tokens that prompt and answer can have together. */
  readonly sequenceLimit: number;
  readonly constraint?: OutputMatcher;
  /** How the model reasons, where `request.reasoningTokens` says for how long it may. */
  readonly reasoning?: ReasoningFrame;
  /** An answer that was cut, and goes on. */
  readonly resumed?: AnswerState;
  /** How the answer is drafted. Absent: it is not. */
  readonly speculation?: SpeculationOptions & { readonly maxTokens: number };
}

/** What the sampler drew, and the token that comes: another where an answer is brought to an end. */
export interface DrawnToken {
  readonly drawn: SampledToken;
  readonly id: number;
}

/** One answer as it grows: draws a token from each row of logits, and decides when to end. */
export class SampleRun implements GrowingText {
  readonly sample: number;
  readonly promptTokens: Uint32Array;
  readonly tokens: number[] = [];
  readonly #vocabulary: SampleVocabulary;
  readonly #choosing: GenerateOptions;
  readonly #sampler: Sampler;
  readonly #stops: StopConditions;
  readonly #decoder: StreamingDecoder;
  readonly #constraint: OutputMatcher | undefined;
  readonly #guard: LimitGuard | undefined;
  readonly #reasoning: ReasoningBudget | undefined;
  /** Tokens that the answer can have. */
  readonly #tokenLimit: number;
  readonly #topCount: number | undefined;
  readonly #candidateCount: number | undefined;
  readonly #logprobs = new TokenRows();
  readonly #draws = new TokenRows();
  readonly #speculation: SampleOptions['speculation'];
  /** Made when a draft is first asked for. */
  #drafts: AnswerDrafts | undefined;
  #text = '';
  /** Made when it is first needed. */
  #row: Float32Array | undefined;
  #reason: StopReason | undefined;

  /** @throws StarlingError invalid_argument for sampling parameters out of range */
  constructor(
    vocabulary: SampleVocabulary,
    {
      sample,
      request,
      promptTokens,
      encoderTokens = 0,
      sequenceLimit,
      constraint,
      reasoning,
      resumed,
      speculation,
    }: SampleOptions,
  ) {
    this.sample = sample;
    this.#vocabulary = vocabulary;
    this.#choosing = resumed?.choosing ?? choosingOf(request);
    this.#sampler =
      resumed?.sampler.fork() ?? freshSampler(vocabulary, request, sample, promptTokens.subarray(encoderTokens));
    this.#decoder = vocabulary.tokenizer.createDecoder({
      skipSpecial: request.showSpecial !== true,
      continuation: true,
    });
    this.#stops = new StopConditions({
      endOfGeneration: vocabulary.tokenizer.special.endOfGeneration,
      stop: request.stop,
      maxTokens: request.maxTokens,
      contextTokens: sequenceLimit,
      promptTokens: promptTokens.length,
    });
    this.#constraint = resumed ? resumed.constraint?.fork() : constraint;
    const { jsonSchema, toolCalls } = this.#choosing;
    this.#guard = jsonSchema === undefined && toolCalls === undefined ? undefined : new LimitGuard();
    this.#reasoning =
      reasoning && new ReasoningBudget(request.reasoningTokens ?? Infinity, reasoning, vocabulary.tokenizer);
    this.#tokenLimit = Math.min(request.maxTokens ?? Infinity, sequenceLimit - promptTokens.length);
    this.#topCount = request.logprobs;
    this.#candidateCount = request.candidates;
    this.#speculation = speculation;
    this.promptTokens = promptTokens;
  }

  /** Where it stands, so that another can take it up; it is not gone on with itself afterwards. */
  get state(): AnswerState {
    return {
      choosing: { ...this.#choosing, seed: this.#sampler.seed },
      sampler: this.#sampler,
      constraint: this.#constraint,
    };
  }

  /** Why it ended; undefined while it goes on. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Whether drawing a token can take long: what may come is to be worked out. */
  get mayTakeLong(): boolean {
    return this.#constraint !== undefined;
  }

  /** Logits for a drawing that outlasts the step that computed them: until the next ones are kept. */
  kept(logits: Float32Array): Float32Array {
    this.#row ??= new Float32Array(logits.length);
    this.#row.set(logits);
    return this.#row;
  }

  /**
   * Draws the next token, in steps: where what it must look like takes long to work out. It is then to be taken.
   * @throws StarlingError unprocessable if no token may come
   */
  *draw(logits: Float32Array): Generator<undefined, DrawnToken> {
    const drawn = yield* this.#sampler.sampleSteps(logits, this.#constraint, { topCandidates: this.#candidateCount });
    return { drawn, id: yield* this.#withinLimit(this.#withinReason(drawn.id)) };
  }

  /**
   * Takes a token that was drawn from the same logits.
   * @throws StarlingError internal if the model computed no number for it
   */
  take({ drawn, id }: DrawnToken, logits: Float32Array): TokenPart {
    if (!(logits[id] > -Infinity))
      throw new StarlingError(
        'internal',
        `the model's logit of token ${id} is ${logits[id]}: its file may be damaged`,
        { details: { id } },
      );
    this.#sampler.accept(id);
    const { tokenizer } = this.#vocabulary;
    const logprobs = this.#topCount === undefined ? undefined : tokenLogprobs(logits, id, this.#topCount, tokenizer);
    const draw = this.#candidateCount === undefined ? undefined : tokenDraw(drawn, id, tokenizer);
    const text = this.#advance(id, tokenizer.isEndOfGeneration(id));
    this.#text += text;
    this.tokens.push(id);
    this.#drafts?.push(id);
    if (logprobs) this.#logprobs.push(rowOfLogprobs(logprobs));
    if (draw) this.#draws.push(rowOfDraw(draw));
    return {
      kind: 'token',
      sample: this.sample,
      index: this.tokens.length - 1,
      id,
      text,
      ...(logprobs && { logprob: logprobs.logprob, logprobs }),
      ...(draw && { draw }),
    };
  }

  /** A token part that was made by `take`, with its likelihoods made when they are read. */
  reread({ logprob, logprobs, draw, ...part }: TokenPart): TokenPart {
    const { tokenizer } = this.#vocabulary;
    const again = (name: keyof TokenPart, get: () => unknown): void =>
      void Object.defineProperty(part, name, { get, enumerable: true, configurable: true });
    if (logprobs) {
      again('logprobs', () => logprobsOfRow(this.#logprobs.at(part.index), tokenizer));
      Object.defineProperty(part, 'logprob', { value: logprob, enumerable: true });
    }
    if (draw) again('draw', () => drawOfRow(this.#draws.at(part.index), tokenizer));
    return part;
  }

  /** What is expected to follow the last token, by what is known for nothing; undefined: nothing. */
  draft(): Draft | undefined {
    if (this.#speculation === undefined || this.draftLimit <= 0) return undefined;
    this.#drafts ??= this.#beginDrafts(this.#speculation);
    return this.#drafts.next(this.draftLimit);
  }

  get tokensLeft(): number {
    return this.#tokenLimit - this.tokens.length;
  }

  get draftLimit(): number {
    // The last token that the answer may have comes from the row of the one before it.
    return Math.max(0, Math.min(this.#speculation?.maxTokens ?? 0, this.tokensLeft - 1));
  }

  followingMatcher(): OutputMatcher | undefined {
    return this.#constraint?.fork();
  }

  #beginDrafts(speculation: SpeculationOptions): AnswerDrafts {
    const { tokenizer } = this.#vocabulary;
    const drafts = new AnswerDrafts(this.promptTokens, speculation, this.#constraint, (id) => tokenizer.tokenBytes(id));
    for (const token of this.tokens) drafts.push(token);
    return drafts;
  }

  /** The drawn token, or one that ends reasoning which has gone on for long enough. */
  #withinReason(drawn: number): number {
    return this.#reasoning?.choose(drawn, (id) => this.#constraint?.accepts(id) ?? true) ?? drawn;
  }

  /** The drawn token, or one that leads to the end of a JSON text where there is no room for more. */
  *#withinLimit(drawn: number): Generator<undefined, number> {
    if (!this.#guard || !this.#constraint) return drawn;
    return yield* this.#guard.choose(
      this.#constraint,
      drawn,
      this.#vocabulary.tokenizer.isEndOfGeneration(drawn),
      this.#tokenLimit - this.tokens.length,
    );
  }

  /** Ends it from outside. Text that was held back as a possible stop string, or as half a character, was not shown and is left out. */
  end(reason: StopReason): void {
    this.#reason ??= reason;
  }

  /** What came of it. Likelihoods are put in words when they are read: most readers of streams never do. */
  result(): SampleResult {
    const stopReason = this.#reason ?? { kind: 'cancelled' };
    const { tokenizer } = this.#vocabulary;
    const [logprobs, draws] = [this.#logprobs, this.#draws];
    const result: SampleResult = {
      sample: this.sample,
      text: this.#text,
      tokens: this.tokens,
      finishReason: finishReasonOf(stopReason),
      stopReason,
      ...(stopReason.kind === 'stop_string' && { stopSequence: stopReason.text }),
    };
    if (this.#topCount !== undefined)
      withList(
        result,
        ['logprobs', 'logprobList'],
        lazyList(logprobs.length, (i) => logprobsOfRow(logprobs.at(i), tokenizer)),
      );
    if (this.#candidateCount !== undefined)
      withList(
        result,
        ['draws', 'drawList'],
        lazyList(draws.length, (i) => drawOfRow(draws.at(i), tokenizer)),
      );
    return result;
  }

  /** Takes a token into the text; gives what of it may be shown. */
  #advance(id: number, isEnd: boolean): string {
    if (!isEnd) this.#constraint?.advance(id);
    const { emit, reason } = this.#stops.accept(id, isEnd ? this.#decoder.flush() : this.#decoder.push(id));
    const isWhole = this.#constraint?.isDone === true;
    // What became whole with the last token that it had was not cut.
    if (reason && !(isWhole && finishReasonOf(reason) === 'length')) {
      this.#reason = reason;
      return reason.kind === 'stop_string' ? emit : emit + this.#decoder.flush();
    }
    if (!isWhole) return emit;
    this.#reason = { kind: 'constraint_complete' };
    return emit + this.#stops.end({ kind: 'end_of_generation', id }).emit + this.#decoder.flush();
  }
}

/** A sampler that has seen the prompt. */
function freshSampler(
  { sampling }: SampleVocabulary,
  request: GenerateRequest,
  sample: number,
  promptTokens: Uint32Array,
): Sampler {
  const { seed } = request;
  const hasSeed = typeof seed === 'number' && seed >= 0;
  const sampler = createSampler(hasSeed ? { ...request, seed: seed + sample } : request, sampling);
  for (const token of promptTokens) sampler.accept(token);
  return sampler;
}
