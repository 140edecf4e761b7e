import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type CounterName, type GaugeName, type HistogramName, type LabelsOf, type MetricDefinition } from './metric-definitions.js';

/** Values for all labels of a metric. */
export type LabelValues<L extends string> = Readonly<Record<L, string | number>>;

type LabelArguments<L extends string> = [L] extends [never] ? [] : [labels: LabelValues<L>];

export interface TelemetryOptions {
  /** Stands before every metric's name. Default `starling_`. */
  readonly prefix?: string;
  /** Labels that every sample carries, for example an instance's name. */
  readonly constantLabels?: Readonly<Record<string, string>>;
}

/**
 * The metrics of one process (or one server in it: there is no global state). Counters only go up; gauges that mirror a state
 * are set by `onCollect` callbacks, right before a page is made, so that they cost nothing in between.
 */
export class Telemetry {
  /** The media type of `render()`'s text. */
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly #registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #collectors = new Set<() => void>();

  constructor({ prefix = 'starling_', constantLabels }: TelemetryOptions = {}) {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    if (constantLabels) this.#registry.setDefaultLabels({ ...constantLabels });
    for (const [name, definition] of Object.entries<MetricDefinition>(METRICS)) {
      const { kind, help, labels, buckets } = definition;
      const options = { name: prefix + name, help, labelNames: [...labels], registers: [this.#registry] };
      if (kind === 'counter') this.#counters.set(name, new Counter(options));
      else if (kind === 'gauge') this.#gauges.set(name, new Gauge(options));
      else this.#histograms.set(name, new Histogram({ ...options, buckets: [...buckets!] }));
    }
  }

  /** Adds to a counter. `amount` is not negative. */
  count<N extends CounterName>(name: N, amount: number, ...labels: LabelArguments<LabelsOf<N>>): void {
    this.#counters.get(name)!.inc({ ...labels[0] }, amount);
  }

  /** Sets a gauge. */
  set<N extends GaugeName>(name: N, value: number, ...labels: LabelArguments<LabelsOf<N>>): void {
    this.#gauges.get(name)!.set({ ...labels[0] }, value);
  }

  /** Forgets all samples of a gauge, for labels whose subject is gone (a model that was unloaded). */
  clear(name: GaugeName): void {
    this.#gauges.get(name)!.reset();
  }

  /** Adds a value (seconds, or a count) to a histogram. */
  observe(name: HistogramName, value: number): void {
    this.#histograms.get(name)!.observe(value);
  }

  /** Calls back before each page is made, to set gauges; the returned function takes it off again. */
  onCollect(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** The page of all metrics, in OpenMetrics text, `# EOF` included. */
  async render(): Promise<string> {
    for (const collect of this.#collectors) collect();
    return this.#registry.metrics();
  }
}

/** The metrics of a server, all at zero. */
export function createTelemetry(options: TelemetryOptions = {}): Telemetry {
  return new Telemetry(options);
}
