import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type TextMapGetter,
  type TextMapSetter,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { StarlingError } from '@starling/core';
import type { PastSpan, RequestTrace, SpanFacts, Tracing } from './trace-types.js';

/** What was not sent by then is given up: a collector that hangs holds up no shutdown, and no batch after it. */
const CLOSE_MS = 2000;

export interface OtlpTracingOptions {
  /** Where an OpenTelemetry collector takes traces over HTTP, for example `http://127.0.0.1:4318`; a path is taken as it is, else `/v1/traces` is added. */
  readonly endpoint: string;
  /** Sent with each batch, for example a key. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the process is called. Default `starling`. */
  readonly serviceName?: string;
  readonly serviceVersion?: string;
  /** Which part of the traces that begin here is kept, 0 to 1; for others their caller has decided. Default 1. */
  readonly sampleRatio?: number;
}

/**
 * Traces that go to a collector by OTLP (JSON over HTTP), in batches, beside the work. Nothing global is set: several can live in one process.
 * @throws StarlingError invalid_argument for an endpoint that is no HTTP address, or a ratio beyond 0 to 1
 */
export function openOtlpTracing({
  endpoint,
  headers = {},
  serviceName = 'starling',
  serviceVersion,
  sampleRatio = 1,
}: OtlpTracingOptions): Tracing {
  if (!(sampleRatio >= 0 && sampleRatio <= 1))
    throw new StarlingError('invalid_argument', `sampleRatio: expected 0 to 1, received ${sampleRatio}`, {
      details: { sampleRatio },
    });
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': serviceName,
        ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
      }),
    ),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: tracesUrl(endpoint), headers: { ...headers }, timeoutMillis: CLOSE_MS }),
      }),
    ],
  });
  return new OtlpTracing(provider, provider.getTracer('starling', serviceVersion));
}

/** @throws StarlingError invalid_argument */
function tracesUrl(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new StarlingError(
      'invalid_argument',
      `endpoint: expected an http or https address of a collector, such as http://127.0.0.1:4318, received ${JSON.stringify(endpoint)}`,
      { details: { endpoint } },
    );
  }
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

class OtlpTracing implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #running = new AsyncLocalStorage<RequestTrace>();

  constructor(provider: TracerProvider, tracer: Tracer) {
    this.#provider = provider;
    this.#tracer = tracer;
  }

  get current(): RequestTrace | undefined {
    return this.#running.getStore();
  }

  begin(name: string, header: (name: string) => string | undefined, facts: SpanFacts = {}): RequestTrace {
    const parent = this.#propagator.extract(ROOT_CONTEXT, header, HEADER_GETTER);
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes: attributesOf(facts) }, parent);
    return new OtlpRequestTrace(this.#tracer, span, this.#running);
  }

  add(span: PastSpan): void {
    addSpan(this.#tracer, ROOT_CONTEXT, span);
  }

  headersOf({ traceId, spanId, isSampled }: RequestTrace): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {};
    const span = trace.wrapSpanContext({
      traceId,
      spanId,
      traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    });
    this.#propagator.inject(trace.setSpan(ROOT_CONTEXT, span), headers, RECORD_SETTER);
    return headers;
  }

  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => void (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}

class OtlpRequestTrace implements RequestTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  readonly #running: AsyncLocalStorage<RequestTrace>;

  constructor(tracer: Tracer, span: Span, running: AsyncLocalStorage<RequestTrace>) {
    this.#tracer = tracer;
    this.#span = span;
    this.#running = running;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  run<T>(work: () => T): T {
    return this.#running.run(this, work);
  }

  set(facts: SpanFacts): void {
    this.#span.setAttributes(attributesOf(facts));
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  add(span: PastSpan): void {
    if (this.isSampled) addSpan(this.#tracer, this.#context, span);
  }

  note(event: string, facts: SpanFacts = {}): void {
    this.#span.addEvent(event, attributesOf(facts));
  }

  end(error?: string): void {
    if (error !== undefined) fail(this.#span, error);
    this.#span.end();
  }
}

function addSpan(
  tracer: Tracer,
  parent: Context,
  { name, startMs, endMs, facts = {}, error, parts = [] }: PastSpan,
): void {
  const span = tracer.startSpan(
    name,
    { kind: SpanKind.INTERNAL, startTime: startMs, attributes: attributesOf(facts) },
    parent,
  );
  if (error !== undefined) fail(span, error);
  for (const part of parts) addSpan(tracer, trace.setSpan(parent, span), part);
  span.end(Math.max(endMs, startMs));
}

function fail(span: Span, code: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}

function attributesOf(facts: SpanFacts): Attributes {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, typeof value === 'object' ? [...value] : value]),
  );
}

const HEADER_GETTER: TextMapGetter<(name: string) => string | undefined> = {
  keys: () => ['traceparent', 'tracestate'],
  get: (header, name) => header(name),
};
const RECORD_SETTER: TextMapSetter<Record<string, string>> = {
  set: (headers, name, value) => void (headers[name] = value),
};
