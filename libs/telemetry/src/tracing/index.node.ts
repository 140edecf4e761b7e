export { openOtlpTracing, type OtlpTracingOptions } from './otlp-tracing.node.js';
export type { PastSpan, RequestTrace, SpanFacts, Tracing } from './trace-types.js';
