export { createTelemetry, Telemetry, type TelemetryOptions, type LabelValues, type Exemplar } from './telemetry.js';
export { RepeatFilter, type RepeatFilterOptions } from './repeat-filter.js';
export {
  METRICS,
  type MetricDefinition,
  type MetricDefinitions,
  type StarlingMetrics,
  type MetricName,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
} from './metric-definitions.js';
export { nowMs } from './tracing/trace-types.js';
