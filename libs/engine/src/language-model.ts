import { deriveAnswerParser, type AnswerParser } from '@starling/chat';
import { Emitter, StarlingError, monotonicClock, type Listener } from '@starling/core';
import { cacheKeyOf, type KvCache } from '@starling/kvcache';
import { vocabularyOf, type SamplerOptions } from '@starling/sampler';
import { Scheduler } from '@starling/scheduler';
import type { Tokenizer } from '@starling/tokenizer';
import { AnswerMemory } from './answer-memory.js';
import { restoreAnswerState } from './answer-state.js';
import type { ChatInput } from './chat-types.js';
import { AdapterBook, type AdapterState } from './adapters.js';
import { atOnce, type Steps } from './aside/steps.js';
import { beginGeneration, type GenerationDesk } from './begin-generation.js';
import { BesideModel } from './beside-model.js';
import { constraintCompiler } from './compile-constraint.js';
import type { ConstraintCompiler } from './constraint.js';
import { DraftModel } from './drafting/draft-model.js';
import { draftBudgetOf, speculationOf } from './drafting/speculation-options.js';
import { embedInputs, embedTokens, type EmbedInput } from './embed.js';
import type { ModelEvent } from './events.js';
import type { GenerateRequest, Generation, PromptInput } from './generate-types.js';
import type { GenerationHost } from './generation-host.js';
import { modelCache } from './model-cache.js';
import { checkContext, checkGoesOn, checkHasLogits } from './model-checks.js';
import { identityOf, infoOf } from './model-identity.js';
import { joinEvents } from './join-events.js';
import { IdlePrefill } from './idle-prefill.js';
import { ModelLife } from './model-life.js';
import type { ModelParts } from './model-parts.js';
import {
  memoryWith,
  type CloseOptions,
  type EmbedOptions,
  type EmbedResult,
  type EngineModelInfo,
  type LogitsResult,
  type ModelMemory,
  type ModelStatistics,
  type PerplexityOptions,
  type PerplexityResult,
  type TokenizeOptions,
} from './model-types.js';
import { checkedTokens, preparePrompt, renderPrompt, type PromptParts } from './prompt.js';
import { PromptEncoder } from './prompt-encoder.js';
import { bestFirst, rankedInputs, type RerankOptions, type RerankResult } from './rerank.js';
import type { RequestTerms } from './request-terms.js';
import { SessionBook } from './session-book.js';
import { sharePrefix, type SharedPrefix } from './shared-prefix.js';
import type { TenantSessions } from './session-types.js';
import { chunksOf, perplexityOf, visitLogits, type RowVisitor } from './scoring.js';
import { StepLoop } from './step-loop.js';

const DEFAULT_QUEUE_LIMIT = 256;

/** `logits()` holds all rows at once; beyond this `visitLogits` is the way. */
const MAX_LOGITS_BYTES = 2 ** 31;

/**
 * A loaded model: generates for many callers at once, and answers questions about text and tokens.
 * Made by `Starling.load`, or by `createLanguageModel` from parts of one's own.
 */
export class LanguageModel {
  readonly info: EngineModelInfo;
  readonly tokenizer: Tokenizer;
  readonly #parts: ModelParts;
  readonly #cache: KvCache;
  readonly #scheduler: Scheduler;
  readonly #loop: StepLoop;
  readonly #draftModel: DraftModel | undefined;
  readonly #events = new Emitter<ModelEvent>();
  readonly #host: GenerationHost;
  readonly #sessions: SessionBook;
  readonly #promptParts: PromptParts;
  readonly #desk: GenerationDesk;
  /** The same model, asked so that nothing that takes long is done on the calling thread. */
  readonly beside: BesideModel;
  readonly #adapters: AdapterBook;
  readonly #compileConstraint: ConstraintCompiler;
  #answerParser: AnswerParser | undefined;
  readonly #idle: IdlePrefill;
  #requests = 0;
  readonly #life: ModelLife;

  constructor(parts: ModelParts) {
    const { name, runtime, tokenizer, clock = monotonicClock } = parts;
    const identity = identityOf(parts);
    const emit = (event: ModelEvent): void => this.#events.emit(event);
    this.#parts = parts;
    this.#adapters = new AdapterBook(runtime.info.adapters, parts.adapterScales);
    const cacheKeyOfCaller: GenerationDesk['cacheKeyOf'] = ({ tenant = '', salt, adapters }) =>
      cacheKeyOf({ model: identity, adapters, tenant, salt });
    const compiler = parts.compileConstraint ? undefined : constraintCompiler(tokenizer, tokenizer.vocabSize);
    this.#compileConstraint = (parts.compileConstraint ?? compiler)!;
    this.tokenizer = tokenizer;
    this.#cache = modelCache(parts, identity, () => this.#sessions);
    const { queueLimits = () => parts } = parts;
    this.#scheduler = new Scheduler({
      limits: runtime.info,
      cache: this.#cache,
      get queueLimit() {
        return queueLimits().queueLimit ?? DEFAULT_QUEUE_LIMIT;
      },
      get resumeBelow() {
        return queueLimits().queueResumeBelow;
      },
      tenantQueueLimit: parts.tenantQueueLimit,
      get queueTokenLimit() {
        return queueLimits().queueTokenLimit;
      },
      tenantLimits: parts.tenantLimits,
      targetInterTokenMs: parts.targetInterTokenMs,
      promptTokensWhileDecoding: parts.promptTokensWhileDecoding,
      ...draftBudgetOf(parts.speculation, parts.draftModel !== undefined),
      clock,
    });
    joinEvents({ name, scheduler: this.#scheduler, cache: this.#cache, emit, wake: () => this.#loop.wake() });
    const { draftModel } = parts;
    this.#draftModel =
      draftModel &&
      new DraftModel({
        ...draftModel,
        scheduler: this.#scheduler,
        model: runtime.info,
        hiddenOf: (row) => runtime.hiddenOf?.(row),
        keepsPrefixes: parts.prefixCache ?? true,
        clock,
        onStep: (durationMs, answers) => emit({ kind: 'draft_step', model: name, durationMs, answers }),
        onFailure: (error, willRetry) =>
          emit({
            kind: 'step_failed',
            model: name,
            code: error.code,
            message: `of the draft model ${draftModel.name}: ${error.message}`,
            willRetry,
          }),
      });
    this.#loop = new StepLoop({
      name,
      runtime,
      scheduler: this.#scheduler,
      clock,
      emit,
      beforeStep: this.#draftModel && (() => this.#draftModel!.draft()),
    });
    this.#life = new ModelLife({
      name,
      cache: this.#cache,
      scheduler: this.#scheduler,
      loop: this.#loop,
      runtime,
      draftModel: this.#draftModel,
      aside: parts.aside,
    });
    const encoder = new PromptEncoder(tokenizer);
    const memory = new AnswerMemory(() => this.answerParser);
    this.#promptParts = { tokenizer, encoder, chatTemplate: parts.chatTemplate, memory };
    this.#idle = new IdlePrefill({
      ...this.#promptParts,
      memory,
      isOn: (parts.idlePrefill ?? true) && runtime.info.causal,
      cache: this.#cache,
      scheduler: this.#scheduler,
      loop: this.#loop,
      beside: (steps, caller) => this.beside.run(steps, caller),
      onComputed: (tokens) => emit({ kind: 'computed_ahead', model: name, tokens }),
    });
    this.#host = {
      name,
      encoder,
      memory,
      answered: (...answered) => this.#idle.answered(...answered),
      tokenizer,
      decoderStart: runtime.info.decoderStart,
      sampling: vocabularyOf(tokenizer, parts.metadata),
      scheduler: this.#scheduler,
      loop: this.#loop,
      clock,
      adapters: this.#adapters,
      speculation: speculationOf(parts.speculation, draftModel !== undefined),
      draftModel: this.#draftModel,
      emit,
    };
    this.#sessions = new SessionBook({
      ...this.#promptParts,
      table: this.#cache.sessions,
      cache: this.#cache,
      identity: parts.weightsDigest === undefined ? undefined : identity,
      contextLength: runtime.info.contextLength,
      settled: () => this.#loop.between(),
      answerParser: () => this.answerParser,
      cacheKeyOf: cacheKeyOfCaller,
      adapters: this.#adapters,
      restoreAnswer: (saved, answer, tenant) =>
        restoreAnswerState(saved, answer, this.#host.sampling, (constraint) =>
          this.#compileConstraint(constraint, tenant),
        ),
    });
    this.#desk = {
      host: this.#host,
      promptParts: this.#promptParts,
      sessions: this.#sessions,
      adapters: this.#adapters,
      cacheKeyOf: cacheKeyOfCaller,
      compileConstraint: this.#compileConstraint,
      answerParser: () => this.answerParser,
      samplerDefaults: parts.samplerDefaults ?? {},
      rewrite: parts.rewriteRequest ?? ((request) => request),
      checkUsable: () => (this.#life.checkOpen(), checkHasLogits(this.info)),
      arrives: () => this.#idle.drop(),
      checkContext: (tokens, toGenerate) => checkContext(this.info, tokens, toGenerate),
    };
    this.beside = new BesideModel({
      promptParts: this.#promptParts,
      aside: parts.aside,
      compiler,
      generation: (request) => this.#begin(request),
    });
    this.info = infoOf(parts, this.#scheduler);
  }

  /** Adds a listener for telemetry; the returned function takes it off again. */
  on(listener: Listener<ModelEvent>): () => void {
    return this.#events.on(listener);
  }

  /** How tokens are chosen where a request does not say, beside the defaults of the sampler. */
  get samplerDefaults(): SamplerOptions {
    return this.#parts.samplerDefaults ?? {};
  }

  statistics(): ModelStatistics {
    return {
      ...this.#scheduler.statistics(),
      kv: this.#cache.arena.statistics(),
      kvOfWindows: this.#cache.windows?.arena.statistics(),
      cache: this.#cache.statistics(),
      ...(this.#draftModel && { draftModel: this.#draftModel.statistics() }),
    };
  }

  get memory(): ModelMemory {
    return memoryWith(this.info, this.#parts.draftModel?.runtime.info);
  }

  /**
   * Continues a prompt. The request is checked and queued before this returns; its tokens come as the parts of the result.
   * @throws StarlingError invalid_request or invalid_argument (`details.param` names the parameter), invalid_grammar, invalid_template,
   *   context_length_exceeded, queue_full, shutting_down, closed; of a session not_found, conflict, rate_limited
   */
  generate(request: GenerateRequest): Generation {
    return atOnce(this.#begin(request), this.tokenizer);
  }

  #begin(request: GenerateRequest): Steps<Generation> {
    return beginGeneration(this.#desk, request, request.id ?? `request-${this.#requests++}`);
  }

  /** Adapters beside the model, with the scale that requests get which do not say. */
  get adapters(): readonly AdapterState[] {
    return this.#adapters.list();
  }

  /** Sets scales of adapters for requests to come that do not say. @throws StarlingError invalid_request for an id that is none */
  setAdapterScales(scales: Readonly<Record<string, number>>): void {
    this.#adapters.setScales(scales);
  }

  /** Reads which sessions are stored, for a model with a store: to be called once, before its first request. */
  async openSessions(): Promise<void> {
    await this.#cache.openSessions();
  }

  /**
   * Computes a beginning of prompts now, and has it stay for those of all tenants: the only thing that they share. It holds for requests with
   * the adapters as they are scaled now.
   * @returns its tokens
   * @throws StarlingError not_supported for a model that keeps nothing of prompts, context_length_exceeded, and as `generate`
   */
  async sharePrefix(prefix: SharedPrefix): Promise<number> {
    this.#life.checkOpen();
    const shared = {
      info: this.info,
      promptParts: this.#promptParts,
      cache: this.#cache,
      scheduler: this.#scheduler,
      loop: this.#loop,
      adapters: this.#adapters.choose(undefined),
    };
    return sharePrefix(
      { ...shared, identity: identityOf(this.#parts), beside: (steps, caller) => this.beside.run(steps, caller) },
      prefix,
    );
  }

  /** What requests of a tenant go on from, by name (`sessionId`). Default: of those who name no tenant. */
  sessionsOf(tenant = ''): TenantSessions {
    return this.#sessions.of(tenant);
  }

  /** The ids of a text; BOS and the like around it unless told otherwise. */
  tokenize(text: string, { addSpecial = true, parseSpecial = false }: TokenizeOptions = {}): Uint32Array {
    return this.tokenizer.encode(text, { addSpecial, parseSpecial });
  }

  /** The same with the UTF-8 byte range of each id `(n_ids, 2)`. */
  tokenizeWithOffsets(
    text: string,
    { addSpecial = true, parseSpecial = false }: TokenizeOptions = {},
  ): { readonly ids: Uint32Array; readonly offsets: Uint32Array } {
    return this.tokenizer.encodeWithOffsets(text, { addSpecial, parseSpecial });
  }

  /** The text of ids. @throws StarlingError invalid_request for an id that is not in the vocabulary */
  detokenize(tokens: ArrayLike<number>): string {
    return this.tokenizer.decode(checkedTokens(tokens, this.tokenizer.vocabSize, 'tokens'));
  }

  /** The raw vocabulary entry of a token. */
  pieceOf(token: number): string {
    return this.tokenizer.tokenText(checkedTokens([token], this.tokenizer.vocabSize, 'token')[0]);
  }

  /** How many tokens a prompt comes to, as `generate` would take it. @throws StarlingError as `generate` for a prompt that it refuses */
  countTokens(input: PromptInput & Omit<ChatInput, 'messages'>): number {
    return preparePrompt(input, this.#promptParts).tokens.length;
  }

  /** The text that a conversation becomes. @throws StarlingError invalid_template, or invalid_request if the model has no template */
  applyTemplate(messages: ChatInput['messages'], options: Omit<ChatInput, 'messages'> = {}): string {
    return renderPrompt({ ...options, messages }, this.#parts.chatTemplate).text;
  }

  /** The Jinja source of the chat template; undefined: it takes no `messages`. */
  get chatTemplate(): string | undefined {
    return this.#parts.chatTemplate?.source;
  }

  /** How answers are read back as messages (reasoning, content, calls of tools): derived from the chat template when it is first asked for. */
  get answerParser(): AnswerParser {
    return (this.#answerParser ??= deriveAnswerParser(this.#parts.chatTemplate));
  }

  /** Vectors for texts (with BOS and the like) or token lists. @throws StarlingError as embedTokens, and shutting_down, closed */
  async embed(
    input: string | ArrayLike<number> | readonly (string | ArrayLike<number>)[],
    options: EmbedOptions = {},
  ): Promise<EmbedResult> {
    this.#life.checkOpen();
    return this.#embed(embedInputs(this.tokenizer, input), options);
  }

  async #embed(steps: Steps<EmbedInput[]>, options: EmbedOptions): Promise<EmbedResult> {
    this.#idle.drop();
    const inputs = await this.beside.run(steps, options);
    this.#life.checkOpen();
    return embedTokens(
      { ...this.#host, info: this.info, pooler: (pooling) => this.#parts.runtime.pooler(pooling) },
      inputs,
      options,
    );
  }

  /**
   * Orders documents by how well they fit a query, with a model that was made for it.
   * @throws StarlingError not_supported if the model has no head for it, invalid_request if there is no document, and as `embed`
   */
  async rerank(
    query: string,
    documents: readonly string[],
    { top, ...options }: RerankOptions = {},
  ): Promise<RerankResult> {
    this.#life.checkOpen();
    const inputs = rankedInputs(
      { info: this.info, tokenizer: this.tokenizer, metadata: this.#parts.metadata },
      query,
      documents,
    );
    const { vectors, promptTokens } = await this.#embed(inputs, { ...options, pooling: 'rank' });
    return { results: bestFirst(vectors).slice(0, top), promptTokens };
  }

  /** Shows the logits of every position of a token list, in order. @throws StarlingError context_length_exceeded, queue_full, cancelled */
  async visitLogits(tokens: ArrayLike<number>, visit: RowVisitor, terms: RequestTerms = {}): Promise<void> {
    this.#life.checkOpen();
    this.#idle.drop();
    checkGoesOn(this.info);
    const checked = checkedTokens(tokens, this.tokenizer.vocabSize, 'tokens');
    checkContext(this.info, checked.length, 0);
    await visitLogits(this.#host, checked, visit, terms);
  }

  /** The logits of every position of a token list, at once. @throws StarlingError as visitLogits, and request_too_large */
  async logits(tokens: ArrayLike<number>, terms: RequestTerms = {}): Promise<LogitsResult> {
    const { vocabSize } = this.info;
    const bytes = tokens.length * vocabSize * Float32Array.BYTES_PER_ELEMENT;
    if (bytes > MAX_LOGITS_BYTES)
      throw new StarlingError(
        'request_too_large',
        `the logits of ${tokens.length} positions take ${bytes} bytes; use visitLogits`,
        { details: { bytes, limit: MAX_LOGITS_BYTES } },
      );
    const logits = new Float32Array(tokens.length * vocabSize);
    await this.visitLogits(tokens, (position, row) => logits.set(row, position * vocabSize), terms);
    return { rows: tokens.length, vocabSize, logits };
  }

  /** Perplexity over a text (cut into chunks that each begin with BOS where the vocabulary has one) or over tokens, taken as they are. */
  async perplexity(input: string | ArrayLike<number>, options: PerplexityOptions = {}): Promise<PerplexityResult> {
    this.#life.checkOpen();
    checkGoesOn(this.info);
    const length = Math.min(options.chunkTokens ?? Infinity, this.info.sequenceLimit);
    if (!(length >= 2))
      throw new StarlingError('invalid_request', `chunkTokens must be 2 or more, not ${length}`, {
        details: { param: 'chunkTokens' },
      });
    const { special, vocabSize } = this.tokenizer;
    const tokens = typeof input === 'string' ? this.tokenizer.encode(input) : checkedTokens(input, vocabSize, 'tokens');
    return perplexityOf(
      this.#host,
      chunksOf(tokens, length, typeof input === 'string' && special.addBos ? special.bos : undefined),
      options,
    );
  }

  /** Ends the model: new requests are refused at once, those under way may finish (unless `drain` is false), then its memory is given back. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#idle.close();
    return this.#life.close(options);
  }
}

/** A model from parts of one's own: a runtime, a tokenizer, and what else is there. For tests, and for other model runtimes. */
export function createLanguageModel(parts: ModelParts): LanguageModel {
  return new LanguageModel(parts);
}
