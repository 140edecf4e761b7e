import type { EngineEvent, Timings } from '@starling/engine';
import { nowMs, type Exemplar } from '@starling/telemetry';
import type { PastSpan, RequestTrace, Tracing } from '@starling/telemetry/tracing';
import type { SpillEvent } from '@starling/kvcache';

/** What the engine did, as spans of the requests that asked for it; loads of models and work on stored pages have traces of their own. */
export class EngineTraces {
  readonly #tracing: Tracing;
  /** Requests that the engine works on, by its own ids, and what metrics name of them with every token. */
  readonly #requests = new Map<string, { readonly trace: RequestTrace; readonly exemplar?: Exemplar }>();

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  /** The trace that a request of the engine belongs to, for a metric. */
  exemplarOf(id: string): Exemplar | undefined {
    return this.#requests.get(id)?.exemplar;
  }

  /** To be called as events are told: one that begins a request is told in the course of the request's own. */
  note(event: EngineEvent): void {
    switch (event.kind) {
      case 'request_queued': {
        const { current } = this.#tracing;
        if (current) this.#requests.set(event.id, { trace: current, exemplar: exemplarOf(current) });
        break;
      }
      case 'request_preempted':
        this.#requests.get(event.id)?.trace.note('preempted', { 'starling.lost_tokens': event.tokens });
        break;
      case 'request_paused':
        this.#requests.get(event.id)?.trace.note('paused');
        break;
      case 'request_ended':
        this.#end(event);
        break;
      case 'model_loaded':
        this.#add('load', event.durationMs, {
          'gen_ai.response.model': event.model,
          'starling.model_bytes': event.bytes,
        });
        break;
      case 'model_failed':
        this.#tracing.add({
          name: 'load',
          startMs: nowMs(),
          endMs: nowMs(),
          facts: { 'gen_ai.response.model': event.model },
          error: event.code,
        });
        break;
      case 'step_failed':
        this.#tracing.add({
          name: 'step',
          startMs: nowMs(),
          endMs: nowMs(),
          facts: { 'gen_ai.response.model': event.model, 'starling.will_retry': event.willRetry },
          error: event.code,
        });
        break;
    }
  }

  /** Pages that were written to slower storage, or read from it. */
  noteSpill(event: SpillEvent): void {
    if (event.kind === 'spilled' || event.kind === 'restored')
      this.#add(event.kind === 'spilled' ? 'spill' : 'restore', event.durationMs, { 'starling.bytes': event.bytes });
  }

  #add(name: string, durationMs: number, facts: PastSpan['facts']): void {
    const endMs = nowMs();
    this.#tracing.add({ name, startMs: endMs - durationMs, endMs, facts });
  }

  #end({ id, model, outcome, usage, timings }: Extract<EngineEvent, { kind: 'request_ended' }>): void {
    const trace = this.#requests.get(id)?.trace;
    this.#requests.delete(id);
    if (!trace?.isSampled) return;
    const isFailed = outcome.kind === 'failed';
    const facts = {
      'gen_ai.response.model': model,
      'gen_ai.response.id': id,
      'gen_ai.response.finish_reasons': isFailed ? undefined : [outcome.finishReason],
      'gen_ai.usage.input_tokens': usage.promptTokens,
      'gen_ai.usage.cache_read.input_tokens': usage.cachedTokens,
      'gen_ai.usage.output_tokens': usage.completionTokens,
      'starling.cache_miss': usage.cacheMiss?.reason,
      'starling.preemptions': timings.preemptions,
    };
    trace.add({ name: 'generate', ...phasesOf(timings, nowMs()), facts, ...(isFailed && { error: outcome.code }) });
  }
}

/** The phases of an answer that ends now, one after another. Choosing tokens is a part of each step: its span is as long as all of it, and begins where it began. */
function phasesOf(timings: Timings, endMs: number): Pick<PastSpan, 'startMs' | 'endMs' | 'parts'> {
  const { tokenizeMs, grammarMs, queueMs, restoreMs, promptMs, firstTokenMs, decodeMs, sampleMs, suspendedMs } =
    timings;
  const queuedAt = endMs - Math.max(queueMs + promptMs, firstTokenMs + decodeMs);
  const startedAt = queuedAt + queueMs;
  const firstAt = queuedAt + firstTokenMs;
  const hasTokens = firstTokenMs > 0;
  const span = (
    name: string,
    startMs: number,
    ms: number,
    rest: Omit<Partial<PastSpan>, 'name'> = {},
  ): readonly PastSpan[] => (ms > 0 ? [{ name, startMs, endMs: startMs + ms, ...rest }] : []);
  return {
    startMs: queuedAt - grammarMs - tokenizeMs,
    endMs,
    parts: [
      ...span('tokenize', queuedAt - grammarMs - tokenizeMs, tokenizeMs),
      ...span('grammar', queuedAt - grammarMs, grammarMs),
      ...span('queue', queuedAt, queueMs, { parts: span('restore', queuedAt, restoreMs) }),
      ...span('prefill', startedAt, promptMs),
      ...(hasTokens
        ? span('decode', firstAt, decodeMs, {
            facts: { 'starling.suspended_ms': suspendedMs },
            parts: span('sample', firstAt, sampleMs),
          })
        : []),
    ],
  };
}

/** The trace of a request as a metric points to it; none where it is not kept. */
export const exemplarOf = (trace: RequestTrace | undefined): Exemplar | undefined =>
  trace?.isSampled ? { traceId: trace.traceId, spanId: trace.spanId } : undefined;
