import {
  METRICS,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricDefinition,
  type MetricDefinitions,
  type StarlingMetrics,
} from './metric-definitions.js';
import { CounterFamily, GaugeFamily, HistogramFamily, labelText, OPENMETRICS_TYPE } from './openmetrics.js';

/** Values for all labels of a metric; not to be changed once they were given, so that one object may serve all its samples. */
export type LabelValues<L extends string> = Readonly<Record<L, string | number>>;

type LabelArguments<L extends string> = [L] extends [never] ? [] : [labels: LabelValues<L>];
type ObserveArguments<L extends string> = [...LabelArguments<L>, exemplar?: Exemplar];

/** The trace in which something was measured: dashboards lead from a bar of a histogram to it. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
}

export interface TelemetryOptions<D extends MetricDefinitions = StarlingMetrics> {
  /** Stands before every metric's name that is not a full one. Default `starling_`. */
  readonly prefix?: string;
  /** Labels that every sample carries, for example an instance's name. */
  readonly constantLabels?: Readonly<Record<string, string>>;
  /** Which metrics there are. Default `METRICS`. */
  readonly definitions?: D;
}

const NO_LABELS: LabelValues<string> = {};

/**
 * The metrics of one process (or one server in it: there is no global state). Counters only go up; gauges that mirror a state
 * are set by `onCollect` callbacks, right before a page is made, so that they cost nothing in between.
 */
export class Telemetry<D extends MetricDefinitions = StarlingMetrics> {
  /** The media type of `render()`'s text. */
  readonly contentType = OPENMETRICS_TYPE;
  readonly #counters = new Map<string, CounterFamily>();
  readonly #gauges = new Map<string, GaugeFamily>();
  readonly #histograms = new Map<string, HistogramFamily>();
  readonly #collectors = new Set<() => void>();
  readonly #definitions: D;

  constructor(definitions: D, { prefix = 'starling_', constantLabels }: TelemetryOptions<D> = {}) {
    this.#definitions = definitions;
    const constant = Object.entries(constantLabels ?? {}).map(([name, value]) => labelText(name, value));
    for (const [name, definition] of Object.entries<MetricDefinition>(definitions)) {
      const { kind, help, labels, buckets, fullName = prefix + name } = definition;
      const options = { name: fullName, help, labels, constant };
      if (kind === 'counter') this.#counters.set(name, new CounterFamily(options));
      else if (kind === 'gauge') this.#gauges.set(name, new GaugeFamily(options));
      else this.#histograms.set(name, new HistogramFamily(options, buckets ?? []));
    }
  }

  /** Adds to a counter. @throws StarlingError invalid_argument if `amount` is negative or not finite */
  count<N extends CounterName<D>>(name: N, amount: number, ...labels: LabelArguments<LabelsOf<N, D>>): void {
    this.#counters.get(name)!.add(labels[0] ?? NO_LABELS, amount);
  }

  /** Sets a gauge. */
  set<N extends GaugeName<D>>(name: N, value: number, ...labels: LabelArguments<LabelsOf<N, D>>): void {
    this.#gauges.get(name)!.set(labels[0] ?? NO_LABELS, value);
  }

  /** Forgets all samples of a gauge, for labels whose subject is gone (a model that was unloaded). */
  clear(name: GaugeName<D>): void {
    this.#gauges.get(name)!.clear();
  }

  /**
   * Adds a value (seconds, or a count) to a histogram. The exemplar, if any, comes after the labels, if any.
   * @throws StarlingError invalid_argument for a value that is not finite
   */
  observe<N extends HistogramName<D>>(name: N, value: number, ...rest: ObserveArguments<LabelsOf<N, D>>): void {
    const hasLabels = this.#definitions[name].labels.length > 0;
    const labels = hasLabels ? (rest[0] as LabelValues<string>) : NO_LABELS;
    const exemplar = rest[hasLabels ? 1 : 0] as Exemplar | undefined;
    const exemplarLabels = exemplar && { trace_id: exemplar.traceId, span_id: exemplar.spanId };
    this.#histograms.get(name)!.add(labels, value, exemplarLabels);
  }

  /** Calls back before each page is made, to set gauges; the returned function takes it off again. */
  onCollect(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** The page of all metrics, in OpenMetrics text, `# EOF` included. */
  render(): Promise<string> {
    for (const collect of this.#collectors) collect();
    const lines: string[] = [];
    for (const name of Object.keys(this.#definitions))
      (this.#counters.get(name) ?? this.#gauges.get(name) ?? this.#histograms.get(name))!.write(lines);
    return Promise.resolve(`${lines.join('\n')}\n# EOF\n`);
  }
}

/** The metrics of a server, all at zero: Starling's own, or those that are defined. */
export function createTelemetry(options?: TelemetryOptions): Telemetry;
export function createTelemetry<D extends MetricDefinitions>(
  options: TelemetryOptions<D> & { readonly definitions: D },
): Telemetry<D>;
export function createTelemetry({
  definitions = METRICS,
  ...options
}: TelemetryOptions<MetricDefinitions> = {}): Telemetry<MetricDefinitions> {
  return new Telemetry(definitions, options);
}
