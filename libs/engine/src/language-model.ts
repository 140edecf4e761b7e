import { Emitter, StarlingError, isStarlingError, monotonicClock, type Listener } from '@starling/core';
import { PageArena } from '@starling/kvcache';
import { vocabularyOf } from '@starling/sampler';
import { Scheduler } from '@starling/scheduler';
import type { Tokenizer } from '@starling/tokenizer';
import type { ChatInput } from './chat-types.js';
import { checkGenerate } from './check-generate.js';
import { constraintCompiler } from './compile-constraint.js';
import type { ConstraintCompiler, OutputMatcher } from './constraint.js';
import { embedTokens } from './embed.js';
import type { ModelEvent } from './events.js';
import type { GenerateRequest, Generation } from './generate-types.js';
import { GenerationRun, type GenerationHost } from './generation-run.js';
import type { ModelParts } from './model-parts.js';
import type {
  CloseOptions,
  EmbedOptions,
  EmbedResult,
  EngineModelInfo,
  LogitsResult,
  ModelMemory,
  ModelStatistics,
  PerplexityOptions,
  PerplexityResult,
  TokenizeOptions,
} from './model-types.js';
import { checkedTokens, promptTokens, renderPrompt } from './prompt.js';
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
  readonly #arena: PageArena;
  readonly #scheduler: Scheduler;
  readonly #loop: StepLoop;
  readonly #events = new Emitter<ModelEvent>();
  readonly #host: GenerationHost;
  readonly #compileConstraint: ConstraintCompiler;
  #requests = 0;
  #state: 'open' | 'draining' | 'abandoned' | 'closed' = 'open';
  #closing: Promise<void> | undefined;

  constructor(parts: ModelParts) {
    const { name, runtime, tokenizer, clock = monotonicClock } = parts;
    const { pageCount, pageTokens, pageBytes } = runtime.info;
    const copies: [number, number][] = [];
    const emit = (event: ModelEvent): void => this.#events.emit(event);
    this.#parts = parts;
    this.#compileConstraint = parts.compileConstraint ?? constraintCompiler(tokenizer, tokenizer.vocabSize);
    this.tokenizer = tokenizer;
    this.#arena = new PageArena({ pageCount, pageTokens, bytesPerPage: pageBytes, onCopy: (from, to) => copies.push([from, to]) });
    this.#scheduler = new Scheduler({
      limits: runtime.info,
      arena: this.#arena,
      queueLimit: parts.queueLimit ?? DEFAULT_QUEUE_LIMIT,
      resumeBelow: parts.queueResumeBelow,
      tenantQueueLimit: parts.tenantQueueLimit,
      promptTokensWhileDecoding: parts.promptTokensWhileDecoding,
      clock,
    });
    this.#scheduler.on((event) => {
      if (event.kind === 'preempted') emit({ kind: 'request_preempted', model: name, id: event.id, tokens: event.tokens });
    });
    this.#loop = new StepLoop({ name, runtime, scheduler: this.#scheduler, copies, clock, emit });
    this.#host = {
      name,
      tokenizer,
      sampling: vocabularyOf(tokenizer, parts.metadata),
      scheduler: this.#scheduler,
      loop: this.#loop,
      clock,
      canFork: !runtime.info.hasRecurrentState,
      emit,
    };
    this.info = { ...runtime.info, name, source: parts.source ?? 'memory', hasChatTemplate: parts.chatTemplate !== undefined, sequenceLimit: this.#scheduler.sequenceLimit };
  }

  /** Adds a listener for telemetry; the returned function takes it off again. */
  on(listener: Listener<ModelEvent>): () => void {
    return this.#events.on(listener);
  }

  statistics(): ModelStatistics {
    const { queued, queueLimit, running, suspended } = this.#scheduler.statistics();
    return { queued, queueLimit, running, suspended, kv: this.#arena.statistics() };
  }

  get memory(): ModelMemory {
    const { weightBytes, kvBytes, scratchBytes } = this.info;
    return { weightBytes, kvBytes, scratchBytes, totalBytes: weightBytes + kvBytes + scratchBytes };
  }

  /**
   * Continues a prompt. The request is checked and queued before this returns; its tokens come as the parts of the result.
   * @throws StarlingError invalid_request or invalid_argument (`details.param` names the parameter), invalid_grammar, invalid_template,
   *   context_length_exceeded, queue_full, shutting_down, closed
   */
  generate(request: GenerateRequest): Generation {
    const id = request.id ?? `request-${this.#requests++}`;
    const { name } = this.info;
    try {
      this.#checkOpen();
      checkGenerate(request);
      this.#checkHasLogits();
      // Before the work of tokenizing and compiling: a full queue is when there is no time for it.
      this.#scheduler.checkQueue(request.tenant);
      const tokens = promptTokens(request, this.tokenizer, this.#parts.chatTemplate);
      this.#checkContext(tokens.length, request.maxTokens === 0 ? 0 : 1);
      const constraint = this.#constraintOf(request);
      const run = new GenerationRun(this.#host, { ...this.#parts.samplerDefaults, ...definedOnly(request) }, id, tokens, constraint);
      this.#events.emit({ kind: 'request_queued', model: name, id, promptTokens: tokens.length });
      return run;
    } catch (error) {
      if (isStarlingError(error)) this.#events.emit({ kind: 'request_rejected', model: name, id, code: error.code });
      throw error;
    }
  }

  /** The ids of a text; BOS and the like around it unless told otherwise. */
  tokenize(text: string, { addSpecial = true, parseSpecial = false }: TokenizeOptions = {}): Uint32Array {
    return this.tokenizer.encode(text, { addSpecial, parseSpecial });
  }

  /** The same with the UTF-8 byte range of each id `(n_ids, 2)`. */
  tokenizeWithOffsets(text: string, { addSpecial = true, parseSpecial = false }: TokenizeOptions = {}): { readonly ids: Uint32Array; readonly offsets: Uint32Array } {
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

  /** The text that a conversation becomes. @throws StarlingError invalid_template, or invalid_request if the model has no template */
  applyTemplate(messages: NonNullable<ChatInput['messages']>, options: Omit<ChatInput, 'messages'> = {}): string {
    return renderPrompt({ ...options, messages }, this.#parts.chatTemplate).text;
  }

  /** Vectors for texts (with BOS and the like) or token lists. @throws StarlingError as embedTokens, and shutting_down, closed */
  async embed(input: string | ArrayLike<number> | readonly (string | ArrayLike<number>)[], options: EmbedOptions = {}): Promise<EmbedResult> {
    this.#checkOpen();
    const inputs = isOneInput(input) ? [input] : input;
    const tokens = inputs.map((one) => (typeof one === 'string' ? this.tokenize(one) : checkedTokens(one, this.tokenizer.vocabSize, 'input')));
    const checkUsable = (): void => {
      if (this.#state !== 'draining') this.#checkOpen();
    };
    return embedTokens({ runtime: this.#parts.runtime, arena: this.#arena, scheduler: this.#scheduler, loop: this.#loop, checkUsable }, tokens, options);
  }

  /** Shows the logits of every position of a token list, in order. @throws StarlingError context_length_exceeded, queue_full, cancelled */
  async visitLogits(tokens: ArrayLike<number>, visit: RowVisitor, signal?: AbortSignal): Promise<void> {
    this.#checkOpen();
    this.#checkHasLogits();
    const checked = checkedTokens(tokens, this.tokenizer.vocabSize, 'tokens');
    this.#checkContext(checked.length, 0);
    await visitLogits(this.#host, checked, visit, signal);
  }

  /** The logits of every position of a token list, at once. @throws StarlingError as visitLogits, and request_too_large */
  async logits(tokens: ArrayLike<number>, signal?: AbortSignal): Promise<LogitsResult> {
    const { vocabSize } = this.info;
    const bytes = tokens.length * vocabSize * Float32Array.BYTES_PER_ELEMENT;
    if (bytes > MAX_LOGITS_BYTES) throw new StarlingError('request_too_large', `the logits of ${tokens.length} positions take ${bytes} bytes; use visitLogits`, { details: { bytes, limit: MAX_LOGITS_BYTES } });
    const logits = new Float32Array(tokens.length * vocabSize);
    await this.visitLogits(tokens, (position, row) => logits.set(row, position * vocabSize), signal);
    return { rows: tokens.length, vocabSize, logits };
  }

  /** Perplexity over a text (cut into chunks that each begin with BOS where the vocabulary has one) or over tokens, taken as they are. */
  async perplexity(input: string | ArrayLike<number>, options: PerplexityOptions = {}): Promise<PerplexityResult> {
    this.#checkOpen();
    this.#checkHasLogits();
    const length = Math.min(options.chunkTokens ?? Infinity, this.info.sequenceLimit);
    if (!(length >= 2)) throw new StarlingError('invalid_request', `chunkTokens must be 2 or more, not ${length}`, { details: { param: 'chunkTokens' } });
    const { special, vocabSize } = this.tokenizer;
    const tokens = typeof input === 'string' ? this.tokenizer.encode(input) : checkedTokens(input, vocabSize, 'tokens');
    return perplexityOf(this.#host, chunksOf(tokens, length, typeof input === 'string' && special.addBos ? special.bos : undefined), options);
  }

  /** Ends the model: new requests are refused at once, those under way may finish (unless `drain` is false), then its memory is given back. */
  close({ drain = true, timeoutMs }: CloseOptions = {}): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining';
    this.#closing ??= this.#shutDown();
    if (!drain) this.#abandon();
    else if (timeoutMs !== undefined) {
      const timer = setTimeout(() => this.#abandon(), timeoutMs);
      void this.#closing.finally(() => clearTimeout(timer));
    }
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await this.#loop.settled();
    await this.#parts.runtime.close();
    this.#state = 'closed';
  }

  /** Ends what is under way. The runtime is closed under a step that runs, so that nobody waits for it. */
  #abandon(): void {
    if (this.#state !== 'draining') return;
    this.#state = 'abandoned';
    this.#scheduler.failAll(new StarlingError('shutting_down', `model ${this.info.name} is being unloaded; send the request again later`, { details: { model: this.info.name } }));
    // Its failure is that of #shutDown, which closes it again.
    void this.#parts.runtime.close().catch(() => undefined);
  }

  #checkOpen(): void {
    if (this.#state === 'open') return;
    const { name } = this.info;
    if (this.#state === 'closed') throw new StarlingError('closed', `model ${name} has been closed`, { details: { model: name } });
    throw new StarlingError('shutting_down', `model ${name} takes no more requests: it is being unloaded`, { details: { model: name } });
  }

  #checkHasLogits(): void {
    if (this.info.hasLogits) return;
    throw new StarlingError('invalid_request', `model ${this.info.name} (${this.info.architecture}) gives embeddings, not text`, { details: { param: 'model', model: this.info.name } });
  }

  #checkContext(tokens: number, toGenerate: number): void {
    const { sequenceLimit: limit } = this.info;
    if (tokens + toGenerate <= limit) return;
    throw new StarlingError('context_length_exceeded', `the prompt has ${tokens} tokens; prompt and answer together can have ${limit}`, { details: { promptTokens: tokens, limit } });
  }

  #constraintOf({ grammar, jsonSchema, regex }: GenerateRequest): OutputMatcher | undefined {
    if (grammar === undefined && jsonSchema === undefined && regex === undefined) return undefined;
    return this.#compileConstraint({ grammar, jsonSchema, regex });
  }
}

/** A model from parts of one's own: a runtime, a tokenizer, and what else is there. For tests, and for other model runtimes. */
export function createLanguageModel(parts: ModelParts): LanguageModel {
  return new LanguageModel(parts);
}

function isOneInput(input: string | ArrayLike<number> | readonly (string | ArrayLike<number>)[]): input is string | ArrayLike<number> {
  return typeof input === 'string' || typeof input[0] === 'number';
}

/** Parameters that are given, so that undefined does not hide a default of the model. */
function definedOnly(request: GenerateRequest): GenerateRequest {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined && value !== null)) as GenerateRequest;
}
