import { StarlingError, type Clock } from '@starling/core';
import type { PlannedSequence, Scheduler, SequenceEnd, SequenceHandle, SequenceRequest } from '@starling/scheduler';
import type { Breather } from './breather.js';
import type { OutputMatcher } from './constraint.js';
import type { ModelEvent } from './events.js';
import type { DonePart, GeneratePart, GenerateRequest, Generation, RequestOutcome, StopReason, TokenLogprobs, Usage } from './generate-types.js';
import { tokenLogprobs } from './logprobs.js';
import { PartChannel } from './part-channel.js';
import { SampleRun, type SampleVocabulary } from './sample-run.js';
import type { RowConsumer, StepLoop } from './step-loop.js';
import { Stopwatch } from './stopwatch.js';

/** What a generation needs of its model. */
export interface GenerationHost extends SampleVocabulary {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  readonly clock: Clock;
  /** Whether several answers can share the pages of their prompt. */
  readonly canFork: boolean;
  readonly emit: (event: ModelEvent) => void;
}

/** One call of `generate`: one sequence in the scheduler for each sample. */
export class GenerationRun implements Generation, RowConsumer {
  readonly id: string;
  readonly promptTokens: Uint32Array;
  readonly #host: GenerationHost;
  readonly #request: GenerateRequest;
  readonly #samples: SampleRun[];
  readonly #channel = new PartChannel<GeneratePart>(() => this.cancel());
  readonly #watch: Stopwatch;
  readonly #handles = new Map<SequenceHandle, SampleRun>();
  readonly #promptLogprobs: (TokenLogprobs | undefined)[];
  readonly #onAbort = (): void => this.cancel();
  readonly #ended = new Set<SampleRun>();
  #failure: StarlingError | undefined;
  /** Why samples that never got a sequence of their own ended. */
  #cut: StopReason = { kind: 'cancelled' };

  /** @throws StarlingError queue_full, context_length_exceeded, invalid_argument: then nothing was begun */
  constructor(host: GenerationHost, request: GenerateRequest, id: string, promptTokens: Uint32Array, constraint: OutputMatcher | undefined) {
    this.id = id;
    this.promptTokens = promptTokens;
    this.#host = host;
    this.#request = request;
    this.#watch = new Stopwatch(host.clock);
    this.#promptLogprobs = new Array<undefined>(promptTokens.length);
    const { sequenceLimit } = host.scheduler;
    this.#samples = Array.from({ length: request.n ?? 1 }, (_, sample) => new SampleRun(host, { sample, request, promptTokens, sequenceLimit, constraint: sample === 0 ? constraint : constraint?.fork() }));
    this.#submit();
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (request.signal?.aborted) this.cancel();
  }

  cancel(): void {
    for (const handle of [...this.#handles.keys()]) this.#host.scheduler.cancel(handle);
  }

  [Symbol.asyncIterator](): AsyncIterator<GeneratePart> {
    return this.#channel;
  }

  async result(): Promise<DonePart> {
    for await (const part of this.#channel) if (part.kind === 'done') return part;
    throw new StarlingError('invalid_argument', 'the parts of this generation have been read already: read them once, by a loop or by result()');
  }

  onStep(_planned: PlannedSequence, now: number): void {
    const queueMs = this.#watch.start(now);
    if (queueMs !== undefined) this.#host.emit({ kind: 'request_started', model: this.#host.name, id: this.id, queueMs });
  }

  async takeRow(planned: PlannedSequence, row: number, logits: Float32Array, breather: Breather): Promise<void> {
    this.#takePromptRow(planned.startPosition + row + 1, logits);
    if (!planned.isComplete || row < planned.rows - 1) return;
    const sample = this.#handles.get(planned.sequence);
    if (sample === undefined) return;
    this.#watch.promptDone();
    if (this.#request.maxTokens === 0) {
      for (const one of this.#samples) one.end({ kind: 'max_tokens' });
      this.#host.scheduler.finish(planned.sequence);
      return;
    }
    if (sample === this.#samples[0] && sample.tokens.length === 0) await this.#fork(planned.sequence, logits, breather);
    if (planned.sequence.state === 'ended') return;
    const token = this.#draw(sample, logits);
    if (sample.reason) this.#host.scheduler.finish(planned.sequence);
    else this.#host.scheduler.append(planned.sequence, token);
  }

  #submit(): void {
    const { tenant, priority, deadlineMs, promptLogprobs } = this.#request;
    const deadline = deadlineMs === undefined ? undefined : this.#host.clock() + deadlineMs;
    const request = { tokens: this.promptTokens, tenant, priority, deadline, outputs: promptLogprobs === undefined ? 'last' : 'all' } as const;
    const first = this.#host.canFork || this.#request.maxTokens === 0 ? this.#samples.slice(0, 1) : this.#samples;
    for (const sample of first) {
      try {
        this.#own(sample, (own) => this.#host.scheduler.submit({ ...request, ...own }));
      } catch (error) {
        const begun = [...this.#handles.keys()];
        this.#handles.clear();
        for (const handle of begun) this.#host.scheduler.cancel(handle);
        throw error;
      }
    }
  }

  /** Draws the first token of the other samples from the same row, and has them continue with the prompt's pages. */
  async #fork(parent: SequenceHandle, logits: Float32Array, breather: Breather): Promise<void> {
    if (!this.#host.canFork) return;
    for (const sample of this.#samples.slice(1)) {
      if (breather.isDue) await breather.pause();
      if (parent.state === 'ended') return;
      const token = this.#draw(sample, logits);
      if (sample.reason) this.#endSample(sample);
      else this.#own(sample, (own) => this.#host.scheduler.fork(parent, own, token));
    }
  }

  #own(sample: SampleRun, begin: (own: Pick<SequenceRequest, 'id' | 'onEnd'>) => SequenceHandle): void {
    const id = sample.sample === 0 ? this.id : `${this.id}/${sample.sample}`;
    const handle: SequenceHandle = begin({ id, onEnd: (end) => this.#onEnd(handle, sample, end) });
    this.#handles.set(handle, sample);
    this.#host.loop.attach(handle, this);
  }

  #draw(sample: SampleRun, logits: Float32Array): number {
    const part = sample.next(logits);
    const { isFirst, ms } = this.#watch.token();
    const { name: model, emit } = this.#host;
    if (isFirst) emit({ kind: 'first_token', model, id: this.id, firstTokenMs: ms });
    else emit({ kind: 'next_token', model, id: this.id, intervalMs: ms });
    this.#channel.push(part);
    return part.id;
  }

  /** Row i of the prompt says how likely token i + 1 was. Computed again after a preemption, it says the same. */
  #takePromptRow(next: number, logits: Float32Array): void {
    const { promptLogprobs } = this.#request;
    if (promptLogprobs === undefined || next >= this.promptTokens.length) return;
    this.#promptLogprobs[next] ??= tokenLogprobs(logits, this.promptTokens[next], promptLogprobs, this.#host.tokenizer);
  }

  #onEnd(handle: SequenceHandle, sample: SampleRun, end: SequenceEnd): void {
    this.#host.loop.detach(handle);
    if (!this.#handles.delete(handle)) return;
    if (end.kind === 'failed') this.#fail(end.error);
    else if (end.kind === 'deadline' && this.#samples.every(({ tokens }) => tokens.length === 0)) this.#fail(this.#tooLate());
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
    if (this.#failure === undefined) this.#channel.push({ kind: 'sample', ...sample.result() });
    if (this.#ended.size === this.#samples.length) this.#finish();
  }

  #fail(error: StarlingError): void {
    this.#failure ??= error;
    this.cancel();
  }

  #finish(): void {
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    const samples = this.#samples.map((sample) => sample.result());
    const completionTokens = samples.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const usage: Usage = { promptTokens: this.promptTokens.length, cachedTokens: 0, completionTokens };
    const timings = this.#watch.timings(this.promptTokens.length, completionTokens - samples.filter(({ tokens }) => tokens.length > 0).length);
    const { name: model, emit } = this.#host;
    const outcome: RequestOutcome = this.#failure ? { kind: 'failed', code: this.#failure.code } : { kind: 'finished', finishReason: samples[0].finishReason };
    emit({ kind: 'request_ended', model, id: this.id, outcome, usage, timings });
    if (this.#failure) {
      this.#channel.fail(this.#failure);
      return;
    }
    const promptLogprobs = this.#request.promptLogprobs === undefined ? undefined : this.#promptLogprobs;
    this.#channel.push({ kind: 'done', id: this.id, model, ...samples[0], samples, usage, timings, ...(promptLogprobs && { promptLogprobs }) });
    this.#channel.close();
  }

  #tooLate(): StarlingError {
    const { deadlineMs } = this.#request;
    return new StarlingError('deadline_exceeded', `no token was generated within ${deadlineMs} ms; give more time, or retry when less is going on`, { details: { deadlineMs } });
  }
}
