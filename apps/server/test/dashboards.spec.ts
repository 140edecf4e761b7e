import fs from 'node:fs';
import path from 'node:path';
import { METRICS, type MetricDefinition } from '@starling/telemetry';
import { parse } from 'yaml';

const deploy = path.resolve(import.meta.dirname, '../deploy');
const read = (file: string) => fs.readFileSync(path.join(deploy, file), 'utf8');

interface Board {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}
interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: object;
      readonly annotations: Readonly<Record<'summary' | 'description', string>>;
    }[];
  }[];
}

const board = JSON.parse(read('grafana/starling.json')) as Board;
const { groups } = parse(read('prometheus/alerts.yaml')) as Rules;
const expressions = [
  ...board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
];

/** Names of series that a metric has, as queries ask for them. */
const seriesOf = (name: string, { kind }: MetricDefinition): readonly string[] =>
  (kind === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map((end) => `starling_${name}${end}`);
const definitions = Object.entries<MetricDefinition>(METRICS);
const known = new Map(
  definitions.flatMap(([name, definition]) =>
    seriesOf(name, definition).map((series) => [series, definition] as const),
  ),
);

describe('the dashboard and the alert rules', () => {
  it.each([...new Set(expressions)])('ask for what there is: %s', (expr) => {
    const series = [...expr.matchAll(/\b(starling_\w+)(?:\{([^}]*)\})?/g)];
    for (const [, name, matchers = ''] of series) {
      expect([...known.keys()]).toContain(name);
      const labels = [...(known.get(name)?.labels ?? []), 'instance', 'job'];
      for (const [, label] of matchers.matchAll(/(\w+)\s*[!=]~?=?"/g)) expect(labels).toContain(label);
      for (const [, by] of expr.matchAll(/by \(([^)]*)\)/g))
        for (const label of by.split(/,\s*/))
          expect([...series.flatMap(([, one]) => known.get(one)?.labels ?? []), 'instance', 'le']).toContain(label);
    }
    for (const [, name] of expr.matchAll(/rate\((\w+)/g)) expect(known.get(name)?.kind).not.toBe('gauge');
  });

  it('show every figure that there is, but those of the conventions, which stand for the same', () => {
    const shown = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
    const missing = definitions.filter(
      ([name, definition]) =>
        definition.fullName === undefined && !seriesOf(name, definition).some((series) => shown.includes(series)),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
  });

  it('say what to do about each alert', () => {
    for (const { alert, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
      expect(alert).toMatch(/^Starling[A-Z]\w+$/);
      expect(labels).toHaveProperty('severity');
      expect(annotations.summary.length).toBeGreaterThan(20);
      expect(annotations.description.length).toBeGreaterThan(20);
    }
  });
});
