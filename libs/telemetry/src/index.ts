export { createTelemetry, Telemetry, type TelemetryOptions, type LabelValues } from './telemetry.js';
export { METRICS, type MetricDefinition, type MetricName, type CounterName, type GaugeName, type HistogramName, type LabelsOf } from './metric-definitions.js';
