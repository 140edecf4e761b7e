import { StarlingError } from '@starling/core';

/** The media type of a page. */
export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Values of labels, by their names. */
type Labels = Readonly<Record<string, string | number>>;

export interface FamilyOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Labels that every sample carries, as they are written. */
  readonly constant: readonly string[];
}

/** A label as it is written. */
export const labelText = (name: string, value: string | number): string =>
  `${name}="${String(value).replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))}"`;

const numberText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value < 0 ? '-Inf' : '+Inf';

const line = (name: string, labels: readonly string[], value: number): string =>
  `${name}${labels.length === 0 ? '' : `{${labels.join()}}`} ${numberText(value)}`;

/** All series of one metric: one for each combination of its labels' values that came so far. */
abstract class Family<Series> {
  protected readonly options: FamilyOptions;
  readonly #series = new Map<string, { readonly labels: readonly string[]; readonly series: Series }>();
  /** By the objects that name them: those that are given again and again are looked up, not written anew. */
  #known = new WeakMap<Labels, Series>();

  constructor(options: FamilyOptions) {
    this.options = options;
  }

  /** The series of these labels; the first time it is made. */
  protected seriesOf(labels: Labels): Series {
    const known = this.#known.get(labels);
    if (known !== undefined) return known;
    const texts = this.options.labels.flatMap((name) => (name in labels ? [labelText(name, labels[name])] : []));
    const key = texts.join();
    let found = this.#series.get(key);
    if (found === undefined) this.#series.set(key, (found = { labels: texts, series: this.create() }));
    this.#known.set(labels, found.series);
    return found.series;
  }

  /** Forgets all series. */
  clear(): void {
    this.#series.clear();
    this.#known = new WeakMap();
    this.begin();
  }

  /** Its lines of a page. */
  write(lines: string[]): void {
    const { name, help } = this.options;
    lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${this.kind}`);
    for (const { labels, series } of this.#series.values()) this.writeSeries(series, labels, lines);
  }

  /** A metric without labels has its series from the beginning. */
  protected begin(): void {
    if (this.options.labels.length === 0) this.seriesOf({});
  }

  protected abstract readonly kind: string;
  protected abstract create(): Series;
  protected abstract writeSeries(series: Series, labels: readonly string[], lines: string[]): void;
}

const escaped = (text: string): string => text.replace(/[\\\n]/g, (one) => (one === '\n' ? '\\n' : '\\\\'));

function checkFinite(name: string, value: number): void {
  if (!Number.isFinite(value))
    throw new StarlingError('invalid_argument', `metric ${name}: ${value} is no value; expected a finite number`, {
      details: { metric: name, received: String(value) },
    });
}

/** A number that only goes up. Its name has no `_total`; its samples have. */
export class CounterFamily extends Family<{ value: number }> {
  protected readonly kind = 'counter';

  constructor(options: FamilyOptions) {
    super({ ...options, name: options.name.replace(/_total$/, '') });
    this.begin();
  }

  /** @throws StarlingError invalid_argument for what is not finite, or negative */
  add(labels: Labels, amount: number): void {
    const { name } = this.options;
    checkFinite(name, amount);
    if (amount < 0)
      throw new StarlingError('invalid_argument', `metric ${name}: a counter does not go down, and ${amount} would`, {
        details: { metric: name, received: amount },
      });
    this.seriesOf(labels).value += amount;
  }

  protected create(): { value: number } {
    return { value: 0 };
  }

  protected writeSeries({ value }: { value: number }, labels: readonly string[], lines: string[]): void {
    lines.push(line(`${this.options.name}_total`, [...labels, ...this.options.constant], value));
  }
}

/** A number that goes up and down. */
export class GaugeFamily extends Family<{ value: number }> {
  protected readonly kind = 'gauge';

  constructor(options: FamilyOptions) {
    super(options);
    this.begin();
  }

  set(labels: Labels, value: number): void {
    this.seriesOf(labels).value = value;
  }

  protected create(): { value: number } {
    return { value: 0 };
  }

  protected writeSeries({ value }: { value: number }, labels: readonly string[], lines: string[]): void {
    lines.push(line(this.options.name, [...labels, ...this.options.constant], value));
  }
}

/** What was counted in buckets, the last of which has no bound. */
interface Histogram {
  readonly counts: Float64Array;
  /** What led to the last value in each, as it is written behind a sample. */
  readonly exemplars: (string | undefined)[];
  sum: number;
  count: number;
}

/** Values in buckets, and what they come to together. */
export class HistogramFamily extends Family<Histogram> {
  protected readonly kind = 'histogram';
  readonly #bounds: readonly number[];
  readonly #bucketLabels: readonly string[];

  /** @param bounds upper ones, ascending */
  constructor(options: FamilyOptions, bounds: readonly number[]) {
    super(options);
    this.#bounds = bounds;
    this.#bucketLabels = [...bounds, Infinity].map((bound) => labelText('le', numberText(bound)));
    this.begin();
  }

  /**
   * Adds a value; `exemplar` are labels of what led to it.
   * @throws StarlingError invalid_argument for what is not finite
   */
  add(labels: Labels, value: number, exemplar?: Labels): void {
    checkFinite(this.options.name, value);
    const series = this.seriesOf(labels);
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]) bucket++;
    series.counts[bucket]++;
    series.sum += value;
    series.count++;
    if (exemplar !== undefined) {
      const texts = Object.entries(exemplar).map(([name, one]) => labelText(name, one));
      series.exemplars[bucket] = ` # {${texts.join()}} ${numberText(value)} ${Date.now() / 1000}`;
    }
  }

  protected create(): Histogram {
    const buckets = this.#bounds.length + 1;
    return { counts: new Float64Array(buckets), exemplars: new Array(buckets), sum: 0, count: 0 };
  }

  protected writeSeries({ counts, exemplars, sum, count }: Histogram, own: readonly string[], lines: string[]): void {
    const { name, constant } = this.options;
    const labels = [...constant, ...own];
    let below = 0;
    for (const [bucket, le] of this.#bucketLabels.entries()) {
      below += counts[bucket];
      lines.push(`${line(`${name}_bucket`, [le, ...labels], below)}${exemplars[bucket] ?? ''}`);
    }
    lines.push(line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count));
  }
}
