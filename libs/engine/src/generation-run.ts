import { StarlingError } from '@starling/core';
import type { StopReason } from '@starling/sampler';
import { asStarlingError } from '@starling/scheduler';
import type { PlannedSequence, SequenceEnd, SequenceHandle, SequenceRequest } from '@starling/scheduler';
import type { AdapterChoice } from './adapters.js';
import { explainedMiss, rememberAnswers } from './answered-prompt.js';
import { textOf, textStreamOf } from './answer-text.js';
import type { Tokenizer } from '@starling/tokenizer';
import { Breather } from './breather.js';
import { Drawing } from './drawing.js';
import type {
  DonePart,
  GeneratePart,
  GenerateRequest,
  Generation,
  LazyList,
  RequestOutcome,
  TokenLogprobs,
  TokenPart,
  Usage,
} from './generate-types.js';
import type { GenerationHost, PreparedRequest } from './generation-host.js';
import { joined, lazyList, withList } from './lazy.js';
import { logprobsOfRow, rowOfLogprobs, tokenLogprobs } from './logprobs.js';
import { PartLog } from './part-log.js';
import { schedulingTermsOf } from './request-terms.js';
import { SampleRun } from './sample-run.js';
import type { PreparedPrompt } from './prompt.js';
import type { SessionTurn } from './session-turn.js';
import type { RowConsumer } from './step-loop.js';
import { Stopwatch } from './stopwatch.js';
import { TokenRows } from './token-rows.js';
import { UNREAD } from './unread.js';

/** Where the first draft that is had for nothing is less likely than this, a draft model is asked. */
const SURE_DRAFT = 0.6;

/** How long a step waits for a token to be drawn: what takes longer is drawn beside the next ones, in pieces of so long. */
const DRAW_MS = 10;
const PIECE_MS = 3;

/** Computing fewer tokens again costs less than the step that keeping a state there would take. */
const NEAR_TOKENS = 32;

/** One call of `generate`: one sequence in the scheduler for each sample. */
export class GenerationRun implements Generation, RowConsumer {
  readonly id: string;
  readonly promptTokens: Uint32Array;
  readonly promptText?: string;
  readonly promptLogprobList?: LazyList<TokenLogprobs | undefined>;
  readonly #host: GenerationHost;
  readonly #request: GenerateRequest;
  readonly #prompt: PreparedPrompt;
  readonly #turn: SessionTurn | undefined;
  /** Whose computed tokens it shares. */
  readonly #cacheKey: string | undefined;
  readonly #samples: SampleRun[];
  readonly #log: PartLog<GeneratePart> = new PartLog<GeneratePart>(
    { ...UNREAD, keep: (part) => this.#kept(part) },
    () => this.cancel(),
  );
  readonly #watch: Stopwatch;
  readonly #handles = new Map<SequenceHandle, SampleRun>();
  /** Row i is of token i + 1 of the prompt. */
  readonly #promptRows = new TokenRows();
  readonly #onAbort = (): void => this.cancel();
  readonly #ended = new Set<SampleRun>();
  /** The sequence of each sample that has begun. */
  readonly #sequences: SequenceHandle[] = [];
  /** Tokens of the prompt that were told of. */
  #processed = -1;
  readonly #adapters: AdapterChoice;
  /** The prompt as it is computed, and how much of it an encoder reads. */
  readonly #computed: Pick<SequenceRequest, 'encoderTokens'> & { readonly tokens: Uint32Array };
  #failure: StarlingError | undefined;
  /** Why samples that never got a sequence of their own ended. */
  #cut: StopReason = { kind: 'cancelled' };

  /** @throws StarlingError queue_full, context_length_exceeded, invalid_argument: then nothing was begun */
  constructor(
    host: GenerationHost,
    request: GenerateRequest,
    { id, prompt, prepared, adapters, cacheKey, constraint, reasoning, turn }: PreparedRequest,
  ) {
    const { tokens: promptTokens } = prompt;
    this.id = id;
    this.promptTokens = promptTokens;
    this.promptText = prompt.text;
    if (request.promptLogprobs !== undefined)
      this.promptLogprobList = promptLogprobsOf(this.#promptRows, promptTokens.length, host.tokenizer);
    this.#prompt = prompt;
    this.#host = host;
    this.#request = request;
    this.#turn = turn;
    this.#adapters = adapters;
    this.#cacheKey = cacheKey;
    this.#watch = new Stopwatch(host.clock, prepared);
    const { decoderStart } = host;
    this.#computed =
      decoderStart === undefined
        ? { tokens: promptTokens }
        : { tokens: appended(promptTokens, decoderStart), encoderTokens: promptTokens.length };
    const { tokens, encoderTokens } = this.#computed;
    const { sequenceLimit } = host.scheduler;
    this.#samples = Array.from(
      { length: request.n ?? 1 },
      (_, sample) =>
        new SampleRun(host, {
          sample,
          request,
          promptTokens: tokens,
          encoderTokens,
          sequenceLimit,
          constraint: sample === 0 ? constraint : constraint?.fork(),
          reasoning,
          resumed: turn?.resumed,
          speculation: host.speculation,
        }),
    );
    this.#submit();
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (request.signal?.aborted) this.cancel();
  }

  cancel(): void {
    for (const handle of [...this.#handles.keys()]) this.#host.scheduler.cancel(handle);
  }

  [Symbol.asyncIterator](): AsyncIterator<GeneratePart> {
    return this.#log[Symbol.asyncIterator]();
  }

  async result(): Promise<DonePart> {
    for await (const part of this.#log) if (part.kind === 'done') return part;
    throw new StarlingError('internal', `generation ${this.id} ended without a last part`);
  }

  text(): AsyncIterable<string> {
    return textOf(this.#log);
  }

  textStream(): ReadableStream<string> {
    return textStreamOf(this.#log);
  }

  /** Likelihoods are kept as numbers, and put in words again when they are read again. */
  #kept(part: GeneratePart): GeneratePart {
    return part.kind === 'token' && (part.logprobs || part.draw) ? this.#samples[part.sample].reread(part) : part;
  }

  onStep(planned: PlannedSequence, now: number): void {
    const queueMs = this.#watch.start(now);
    if (queueMs !== undefined)
      this.#host.emit({ kind: 'request_started', model: this.#host.name, id: this.id, queueMs });
    if (planned.sequence === this.#sequences[0]) this.#tellProgress(planned.startPosition, now);
  }

  async takeRow(planned: PlannedSequence, row: number, logits: Float32Array, breather: Breather): Promise<void> {
    this.#takePromptRow(planned.startPosition + row + 1, logits);
    if (!planned.isComplete || !isNextRow(planned, row)) return;
    const sample = this.#handles.get(planned.sequence);
    if (sample === undefined) return;
    const { draftModel } = this.#host;
    if (draftModel?.readsHidden)
      draftModel.noteRow(
        planned.sequence,
        planned.startPosition + planned.tokens - planned.rows + row,
        planned.firstRow + row,
      );
    this.#watch.promptDone();
    this.#tellProgress(this.promptTokens.length);
    if (this.#request.maxTokens === 0) {
      for (const one of this.#samples) one.end({ kind: 'max_tokens', limit: 0 });
      this.#host.scheduler.finish(planned.sequence);
      return;
    }
    if (sample === this.#samples[0] && sample.tokens.length === 0) await this.#fork(planned.sequence, logits, breather);
    if (planned.sequence.state === 'ended') return;
    const { sequence } = planned;
    const { clock, scheduler, loop } = this.#host;
    const drawing = this.#begin(sample, logits);
    const until = clock() + DRAW_MS;
    const part = await drawing.goOn(sequence, breather, () => clock() >= until);
    if (part === undefined) return;
    if (part !== 'later') {
      this.#taken(sample, sequence, part);
      return;
    }
    scheduler.hold(sequence);
    loop.hold(this.#drawBeside(drawing, sample, sequence));
  }

  /** Has the sequence compute its next token, once the reader is not too far behind. */
  #goOn(sequence: SequenceHandle, token: number): void {
    const { scheduler, loop, draftModel } = this.#host;
    if (!this.#log.isFull) {
      scheduler.append(sequence, token);
      const sample = sequence.length > sequence.computed ? this.#handles.get(sequence) : undefined;
      const draft = sample?.draft();
      if (draft) scheduler.propose(sequence, draft);
      if (sample && !(draft && draft.chances[0] >= SURE_DRAFT)) draftModel?.wish(sequence, sample, this.#cacheKey);
      return;
    }
    scheduler.park(sequence);
    loop.hold(this.#log.room().then(() => scheduler.append(sequence, token)));
  }

  /** Once for each length that was not reached before: what is computed again after a preemption is no progress. */
  #tellProgress(processedTokens: number, now?: number): void {
    if (
      this.#request.progress !== true ||
      processedTokens <= this.#processed ||
      processedTokens > this.promptTokens.length
    )
      return;
    this.#processed = processedTokens;
    this.#log.push({
      kind: 'prompt',
      processedTokens,
      cachedTokens: this.#sequences.at(0)?.cachedTokens ?? 0,
      totalTokens: this.promptTokens.length,
      ms: this.#watch.sinceStart(now),
    });
  }

  #submit(): void {
    const { session = this.#turn?.session.id, maxTokens, promptLogprobs } = this.#request;
    const request = {
      ...schedulingTermsOf(this.#request, this.#host.clock),
      session,
      ...this.#computed,
      maxTokens,
      outputs: promptLogprobs === undefined ? 'last' : 'all',
      adapterScales: this.#adapters.scales,
    } as const;
    const checkpoints = this.#checkpoints();
    const first = this.#samples.slice(0, 1);
    for (const sample of first) {
      try {
        this.#own(sample, (own) =>
          this.#host.scheduler.submit({ ...request, cacheKey: this.#cacheKey, checkpoints, ...own }),
        );
      } catch (error) {
        const begun = [...this.#handles.keys()];
        this.#handles.clear();
        for (const handle of begun) this.#host.scheduler.cancel(handle);
        throw error;
      }
    }
  }

  /** Where prompts are likely to part, and, unless that is near, the last token: the same prompt again is computed from there on. */
  #checkpoints(): readonly number[] {
    const { tokens, checkpoints } = this.#prompt;
    const last = tokens.length - 1;
    return last - (checkpoints.at(-1) ?? 0) < NEAR_TOKENS && checkpoints.length > 0
      ? checkpoints
      : [...checkpoints, ...(last > 0 ? [last] : [])];
  }

  /** Draws the first token of the other samples from the same row, and has them continue with the prompt's pages. */
  async #fork(parent: SequenceHandle, logits: Float32Array, breather: Breather): Promise<void> {
    for (const sample of this.#samples.slice(1)) {
      if (breather.isDue) await breather.pause();
      if (parent.state === 'ended') return;
      const part = await this.#begin(sample, logits).goOn(parent, breather);
      if (part === undefined || part === 'later') return;
      this.#show(part);
      if (sample.reason) this.#endSample(sample);
      else this.#own(sample, (own) => this.#host.scheduler.fork(parent, own, part.id));
    }
  }

  #own(sample: SampleRun, begin: (own: Pick<SequenceRequest, 'id' | 'onEnd'>) => SequenceHandle): void {
    const id = sample.sample === 0 ? this.id : `${this.id}/${sample.sample}`;
    const handle: SequenceHandle = begin({ id, onEnd: (end) => this.#onEnd(handle, sample, end) });
    this.#handles.set(handle, sample);
    this.#sequences.push(handle);
    this.#host.loop.attach(handle, this);
  }

  #begin(sample: SampleRun, logits: Float32Array): Drawing {
    this.#watch.choosing();
    return new Drawing(sample, logits, this.id);
  }

  /** Goes on with a drawing beside the steps, which others go on with meanwhile. */
  async #drawBeside(drawing: Drawing, sample: SampleRun, sequence: SequenceHandle): Promise<void> {
    try {
      const part = await drawing.goOn(sequence, new Breather(PIECE_MS, this.#host.clock));
      if (part !== undefined && part !== 'later') this.#taken(sample, sequence, part);
    } catch (error) {
      this.#fail(asStarlingError(error));
    }
  }

  #taken(sample: SampleRun, sequence: SequenceHandle, part: TokenPart): void {
    this.#show(part);
    if (sample.reason) this.#host.scheduler.finish(sequence);
    else this.#goOn(sequence, part.id);
  }

  #show(part: TokenPart): void {
    const { isFirst, ms } = this.#watch.token();
    const { name: model, emit } = this.#host;
    if (isFirst) emit({ kind: 'first_token', model, id: this.id, firstTokenMs: ms });
    else emit({ kind: 'next_token', model, id: this.id, intervalMs: ms });
    this.#log.push(part);
  }

  /** Row i of the prompt says how likely token i + 1 was. Computed again after a preemption, it says the same. */
  #takePromptRow(next: number, logits: Float32Array): void {
    const { promptLogprobs } = this.#request;
    if (promptLogprobs === undefined || next >= this.promptTokens.length || next <= this.#promptRows.length) return;
    this.#promptRows.push(
      rowOfLogprobs(tokenLogprobs(logits, this.promptTokens[next], promptLogprobs, this.#host.tokenizer)),
    );
  }

  #onEnd(handle: SequenceHandle, sample: SampleRun, end: SequenceEnd): void {
    this.#host.loop.detach(handle);
    this.#host.draftModel?.ended(handle);
    if (!this.#handles.delete(handle)) return;
    if (end.kind === 'failed') this.#fail(end.error);
    else if (end.kind === 'deadline' && this.#samples.every(({ tokens }) => tokens.length === 0))
      this.#fail(this.#tooLate());
    else if (end.kind !== 'finished') sample.end((this.#cut = { kind: end.kind }));
    this.#endSample(sample);
    if (this.#handles.size > 0) return;
    for (const other of this.#samples) {
      other.end(this.#cut);
      this.#endSample(other);
    }
  }

  #endSample(sample: SampleRun): void {
    if (this.#ended.has(sample)) return;
    this.#ended.add(sample);
    if (this.#failure === undefined) this.#log.push(joined({ kind: 'sample' as const }, sample.result()));
    if (this.#ended.size === this.#samples.length) this.#finish();
  }

  #fail(error: StarlingError): void {
    this.#failure ??= error;
    this.cancel();
  }

  #finish(): void {
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#failure) this.#turn?.abandon();
    else this.#turn?.settle(this.#samples[0]);
    const samples = this.#samples.map((sample) => sample.result());
    const miss = this.#sequences.at(0)?.miss;
    const shared = { host: this.#host, prompt: this.#prompt, cacheKey: this.#cacheKey };
    const cacheMiss = miss && explainedMiss(shared, miss);
    if (!this.#failure) rememberAnswers(shared, this.#adapters, this.#request, samples);
    const completionTokens = samples.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const usage: Usage = {
      promptTokens: this.promptTokens.length,
      cachedTokens: this.#sequences.at(0)?.cachedTokens ?? 0,
      completionTokens,
      ...(cacheMiss && { cacheMiss }),
    };
    const timings = this.#watch.timings(
      this.promptTokens.length - usage.cachedTokens,
      completionTokens - samples.filter(({ tokens }) => tokens.length > 0).length,
      this.#sequences,
    );
    const { name: model, emit } = this.#host;
    const outcome: RequestOutcome = this.#failure
      ? { kind: 'failed', code: this.#failure.code }
      : { kind: 'finished', finishReason: samples[0].finishReason };
    emit({ kind: 'request_ended', model, id: this.id, outcome, usage, timings });
    if (this.#failure) {
      this.#log.fail(this.#failure);
      return;
    }
    const sessionId = this.#turn?.session.id;
    const done: DonePart = joined(
      {
        kind: 'done' as const,
        id: this.id,
        model,
        ...(sessionId !== undefined && { sessionId }),
        samples,
        usage,
        timings,
      },
      samples[0],
    );
    if (this.promptLogprobList) withList(done, ['promptLogprobs', 'promptLogprobList'], this.promptLogprobList);
    this.#log.push(done);
    this.#log.close();
  }

  #tooLate(): StarlingError {
    const { deadlineMs } = this.#request;
    return new StarlingError(
      'deadline_exceeded',
      `no token was generated within ${deadlineMs} ms; give more time, or retry when less is going on`,
      { details: { deadlineMs } },
    );
  }
}

/** Whether a row predicts the next token: not if a draft before it was not what came. */
function isNextRow({ sequence, startPosition, tokens, rows }: PlannedSequence, row: number): boolean {
  return sequence.computed === startPosition + tokens - rows + row + 1 && sequence.length === sequence.computed;
}

/** One entry a token of the prompt; none for the first, and for those that a prompt which was cut did not come to. */
function promptLogprobsOf(rows: TokenRows, length: number, tokenizer: Tokenizer): LazyList<TokenLogprobs | undefined> {
  return lazyList(length, (i) => (i === 0 || i > rows.length ? undefined : logprobsOfRow(rows.at(i - 1), tokenizer)));
}

function appended(tokens: Uint32Array, token: number): Uint32Array {
  const longer = new Uint32Array(tokens.length + 1);
  longer.set(tokens);
  longer[tokens.length] = token;
  return longer;
}
