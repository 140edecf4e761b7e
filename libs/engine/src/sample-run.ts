import { StarlingError } from '@starling/core';
import { StopConditions, createSampler, type Sampler, type SamplerVocabulary } from '@starling/sampler';
import type { StreamingDecoder, Tokenizer } from '@starling/tokenizer';
import type { OutputMatcher } from './constraint.js';
import type { FinishReason, GenerateRequest, SampleResult, StopReason, TokenLogprobs, TokenPart } from './generate-types.js';
import { jsonEndingOf } from './json-ending.js';
import { LimitGuard } from './limit-guard.js';
import { tokenLogprobs } from './logprobs.js';

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
  /** Tokens that prompt and answer can have together. */
  readonly sequenceLimit: number;
  readonly constraint?: OutputMatcher;
}

const FINISH_REASONS = {
  end_of_generation: 'stop',
  stop_string: 'stop',
  constraint_complete: 'stop',
  max_tokens: 'length',
  context_end: 'length',
  deadline: 'deadline',
  cancelled: 'cancelled',
} as const satisfies Readonly<Record<StopReason['kind'], FinishReason>>;

/** One answer as it grows: draws a token from each row of logits, and decides when to end. */
export class SampleRun {
  readonly sample: number;
  readonly tokens: number[] = [];
  readonly #vocabulary: SampleVocabulary;
  readonly #sampler: Sampler;
  readonly #stops: StopConditions;
  readonly #decoder: StreamingDecoder;
  readonly #constraint: OutputMatcher | undefined;
  readonly #guard: LimitGuard | undefined;
  /** Tokens that the answer can have. */
  readonly #tokenLimit: number;
  readonly #topCount: number | undefined;
  readonly #logprobs: TokenLogprobs[] = [];
  #text = '';
  #reason: StopReason | undefined;

  /** @throws StarlingError invalid_argument for sampling parameters out of range */
  constructor(vocabulary: SampleVocabulary, { sample, request, promptTokens, sequenceLimit, constraint }: SampleOptions) {
    this.sample = sample;
    this.#vocabulary = vocabulary;
    const { seed } = request;
    const hasSeed = typeof seed === 'number' && seed >= 0;
    this.#sampler = createSampler(hasSeed ? { ...request, seed: seed + sample } : request, vocabulary.sampling);
    for (const token of promptTokens) this.#sampler.accept(token);
    this.#decoder = vocabulary.tokenizer.createDecoder({ skipSpecial: request.showSpecial !== true, continuation: true });
    this.#stops = new StopConditions({
      endOfGeneration: vocabulary.tokenizer.special.endOfGeneration,
      stop: request.stop,
      maxTokens: request.maxTokens,
      contextTokens: sequenceLimit,
      promptTokens: promptTokens.length,
    });
    this.#constraint = constraint;
    this.#guard = request.jsonSchema === undefined ? undefined : new LimitGuard(jsonEndingOf(vocabulary.tokenizer));
    this.#tokenLimit = Math.min(request.maxTokens ?? Infinity, sequenceLimit - promptTokens.length);
    this.#topCount = request.logprobs;
  }

  /** Why it ended; undefined while it goes on. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /**
   * Draws the next token.
   * @throws StarlingError unprocessable if no token may come, internal if the model computed no number for it
   */
  next(logits: Float32Array): TokenPart {
    const id = this.#withinLimit(this.#sampler.sample(logits, this.#constraint).id);
    if (!(logits[id] > -Infinity)) throw new StarlingError('internal', `the model's logit of token ${id} is ${logits[id]}: its file may be damaged`, { details: { id } });
    this.#sampler.accept(id);
    const { tokenizer } = this.#vocabulary;
    const logprobs = this.#topCount === undefined ? undefined : tokenLogprobs(logits, id, this.#topCount, tokenizer);
    const text = this.#advance(id, tokenizer.isEndOfGeneration(id));
    this.#text += text;
    this.tokens.push(id);
    if (logprobs) this.#logprobs.push(logprobs);
    return { kind: 'token', sample: this.sample, index: this.tokens.length - 1, id, text, ...(logprobs && { logprob: logprobs.logprob, logprobs }) };
  }

  /** The drawn token, or one that leads to the end of a JSON text where there is no room for more. */
  #withinLimit(drawn: number): number {
    if (!this.#guard || !this.#constraint) return drawn;
    return this.#guard.choose(this.#constraint, drawn, this.#vocabulary.tokenizer.isEndOfGeneration(drawn), this.#tokenLimit - this.tokens.length);
  }

  /** Ends it from outside. Text that was held back as a possible stop string, or as half a character, was not shown and is left out. */
  end(reason: StopReason): void {
    this.#reason ??= reason;
  }

  result(): SampleResult {
    const stopReason = this.#reason ?? { kind: 'cancelled' };
    return {
      sample: this.sample,
      text: this.#text,
      tokens: this.tokens,
      finishReason: FINISH_REASONS[stopReason.kind],
      stopReason,
      ...(stopReason.kind === 'stop_string' && { stopSequence: stopReason.text }),
      ...(this.#topCount !== undefined && { logprobs: this.#logprobs }),
    };
  }

  /** Takes a token into the text; gives what of it may be shown. */
  #advance(id: number, isEnd: boolean): string {
    if (!isEnd) this.#constraint?.advance(id);
    const { emit, reason } = this.#stops.accept(id, isEnd ? this.#decoder.flush() : this.#decoder.push(id));
    if (reason) {
      this.#reason = reason;
      return reason.kind === 'stop_string' ? emit : emit + this.#decoder.flush();
    }
    if (this.#constraint?.isDone !== true) return emit;
    this.#reason = { kind: 'constraint_complete' };
    return emit + this.#stops.end({ kind: 'end_of_generation', id }).emit + this.#decoder.flush();
  }
}
