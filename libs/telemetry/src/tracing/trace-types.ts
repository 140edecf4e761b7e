/** What is said of a span: names by the semantic conventions of OpenTelemetry, or beginning with `starling.`; undefined says nothing. */
export type SpanFacts = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** A piece of work that has ended: milliseconds since 1970, with fractions. */
export interface PastSpan {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly facts?: SpanFacts;
  /** What went wrong in it: the code of the error. */
  readonly error?: string;
  /** Pieces of the work, each within it. */
  readonly parts?: readonly PastSpan[];
}

/** One request on its way, as a span that others lie in. */
export interface RequestTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Whether it is kept: a sampler may have decided against it. */
  readonly isSampled: boolean;
  /** Does something in whose course `Tracing.current` is this request, however long it waits. */
  run<T>(work: () => T): T;
  set(facts: SpanFacts): void;
  rename(name: string): void;
  /** Adds work that was done for it. */
  add(span: PastSpan): void;
  /** Something that happened at one moment. */
  note(event: string, facts?: SpanFacts): void;
  /** Once. @param error the code of the error that ended it */
  end(error?: string): void;
}

/** Where the spans of a process go. */
export interface Tracing {
  /** The request in whose course this is called. */
  readonly current: RequestTrace | undefined;
  /**
   * A request arrives; its trace is the caller's own where it sent one (W3C `traceparent` and `tracestate`; what is no such thing is ignored, as that standard demands).
   * @param header a header of the request by its lower-case name
   */
  begin(name: string, header: (name: string) => string | undefined, facts?: SpanFacts): RequestTrace;
  /** Work of nobody's request, in a trace of its own. */
  add(span: PastSpan): void;
  /** The headers with which another server, or the client, goes on from a request's trace. */
  headersOf(trace: RequestTrace): Readonly<Record<string, string>>;
  /** Sends what has not been sent, within a few seconds, and ends. */
  close(): Promise<void>;
}

/** Now, as spans have their times. */
export const nowMs = (): number => performance.timeOrigin + performance.now();
