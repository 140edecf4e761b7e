import type { EngineEvent } from '@starling/engine';
import type { SpillEvent } from '@starling/kvcache';
import { RepeatFilter, type Telemetry } from '@starling/telemetry';
import type { Tracing } from '@starling/telemetry/tracing';
import type { ServeConfig } from './config/settings.js';
import { countEvents } from './join-telemetry.js';
import { noteSpill } from './kv-store.js';
import { LlamaServerMetrics } from './llama-server-metrics.js';
import type { Logger } from './parts.js';
import { EngineTraces } from './tracing/engine-traces.js';
import { VllmMetrics } from './vllm-metrics.js';
import { WorkCounter } from './work-totals.js';

export interface ObserverParts {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly tracing?: Tracing;
}

/** Everybody who is told what the engine does: figures, under whichever names were asked for, traces, and the log. */
export class Observers {
  readonly work = new WorkCounter();
  readonly llamaServerMetrics: LlamaServerMetrics | undefined;
  readonly vllmMetrics: VllmMetrics | undefined;
  readonly #telemetry: Telemetry;
  readonly #logger: Logger;
  readonly #traces: EngineTraces | undefined;
  readonly #count: (event: EngineEvent) => void;
  readonly #repeats = new RepeatFilter();

  constructor(
    { metrics, vllmMetrics }: Pick<ServeConfig, 'metrics' | 'vllmMetrics'>,
    { telemetry, logger, tracing }: ObserverParts,
  ) {
    this.#telemetry = telemetry;
    this.#logger = logger;
    this.#traces = tracing && new EngineTraces(tracing);
    this.#count = countEvents(telemetry, (id) => this.#traces?.exemplarOf(id));
    this.llamaServerMetrics = metrics === true ? new LlamaServerMetrics() : undefined;
    this.vllmMetrics = vllmMetrics ? new VllmMetrics() : undefined;
  }

  note(event: EngineEvent): void {
    // First: what is counted of a request may name its trace.
    this.#traces?.note(event);
    this.#count(event);
    this.work.note(event);
    this.llamaServerMetrics?.note(event);
    this.vllmMetrics?.note(event);
    this.#log(event);
  }

  noteSpill(event: SpillEvent): void {
    this.#traces?.noteSpill(event);
    noteSpill(event, this.#telemetry, this.#logger);
  }

  #log(event: EngineEvent): void {
    if (event.kind !== 'step_failed' && event.kind !== 'request_preempted' && event.kind !== 'session_lost') return;
    const repeated = this.#repeats.admit(`${event.kind} ${event.model}`);
    if (repeated === undefined) return;
    const facts = { ...event, ...(repeated.skipped > 0 && repeated) };
    if (event.kind === 'step_failed') this.#logger.error(facts, 'a step failed');
    else if (event.kind === 'session_lost') this.#logger.warn(facts, 'a stored session cannot be gone on from');
    else this.#logger.warn(facts, 'a request lost its pages and will be computed again');
  }
}
