import type { Outcome } from './drive.js';

/** Resident memory of a server at a moment. */
export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

/** What a server did under one load. */
export interface LoadResult {
  readonly server: string;
  readonly work: string;
  readonly durationMs: number;
  readonly outcomes: readonly Outcome[];
  readonly memory: readonly MemorySample[];
}

/** A quantile of values, by the nearest rank; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

const COLUMNS = [
  'server',
  'work',
  'answers/s',
  'tokens/s',
  'TTFT p50',
  'p95',
  'p99',
  'ITL p50',
  'p95',
  'p99',
  'refused',
  'left',
  'failed',
  'MiB end',
  'MiB max',
];

/** A table, times in milliseconds. */
export function tableOf(results: readonly LoadResult[]): string {
  const rows = results.map(({ server, work, durationMs, outcomes, memory }) => {
    const count = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind).length;
    const first = outcomes.flatMap(({ firstTokenMs = [] }) => firstTokenMs);
    const intervals = outcomes.flatMap((outcome) => outcome.intervals);
    const tokens = outcomes.reduce((sum, outcome) => sum + outcome.tokens, 0);
    const times = [first, intervals].flatMap((values) => [0.5, 0.95, 0.99].map((q) => quantile(values, q).toFixed(1)));
    const sizes = memory.map(({ bytes }) => bytes / 2 ** 20);
    const size = sizes.length === 0 ? ['-', '-'] : [sizes.at(-1)!.toFixed(0), Math.max(...sizes).toFixed(0)];
    return [
      server,
      work,
      ((1000 * count('answered')) / durationMs).toFixed(2),
      ((1000 * tokens) / durationMs).toFixed(1),
      ...times,
      ...(['refused', 'left', 'failed'] as const).map((kind) => String(count(kind))),
      ...size,
    ];
  });
  const widths = COLUMNS.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i].length)));
  return [COLUMNS, ...rows]
    .map((row) => row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n');
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [720, 240, 60, 30];
const COLOURS = ['#2563eb', '#dc2626', '#16a34a', '#9333ea', '#ea580c'];

/** Resident memory over time, a line for each load, as an SVG picture. */
export function memoryPicture(results: readonly LoadResult[]): string {
  const lines = results.filter(({ memory }) => memory.length > 1);
  const longest = Math.max(...lines.map(({ memory }) => memory.at(-1)!.atMs), 1);
  const largest = Math.max(...lines.flatMap(({ memory }) => memory.map(({ bytes }) => bytes)), 1);
  const x = (ms: number) => (LEFT + (ms / longest) * (WIDTH - LEFT - 10)).toFixed(1);
  const y = (bytes: number) => (HEIGHT - BOTTOM - (bytes / largest) * (HEIGHT - BOTTOM - 10)).toFixed(1);
  const paths = lines.map(({ server, work, memory }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const points = memory.map(({ atMs, bytes }) => `${x(atMs)},${y(bytes)}`).join(' ');
    return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points}"/><text x="${LEFT + 10}" y="${20 + 16 * i}" fill="${colour}">${server} ${work}</text>`;
  });
  const axis = `<path d="M${LEFT} 10V${HEIGHT - BOTTOM}H${WIDTH - 10}" fill="none" stroke="currentColor"/><text x="4" y="20">${(largest / 2 ** 20).toFixed(0)} MiB</text><text x="${WIDTH - 60}" y="${HEIGHT - 8}">${(longest / 1000).toFixed(0)} s</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">${axis}${paths.join('')}</svg>\n`;
}
