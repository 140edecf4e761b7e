import { h, svg } from './dom.js';

const [WIDTH, HEIGHT] = [240, 56];

export interface ChartOptions {
  readonly label: string;
  readonly values: readonly number[];
  /** Values that the whole width has room for; the newest stands at the right. */
  readonly room: number;
  readonly format: (value: number) => string;
  /** What the height stands for at least. */
  readonly atLeast?: number;
}

/** A small chart of the last values: a line, what it is now, and the most that it was. */
export function chart({ label, values, room, format, atLeast = 1 }: ChartOptions): HTMLElement {
  const now = values.at(-1) ?? 0;
  const most = Math.max(0, ...values);
  const top = Math.max(atLeast, most);
  const x = (i: number): number => WIDTH - ((values.length - 1 - i) * WIDTH) / (room - 1);
  const y = (value: number): number => HEIGHT - 2 - ((HEIGHT - 6) * value) / top;
  const line = values.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  const area = values.length > 1 ? `${line}L${WIDTH} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z` : '';
  const drawing = svg(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': `${label}: now ${format(now)}, at most ${format(most)} in the last minute`,
    },
    svg('path', { class: 'area', d: area }),
    svg('path', { class: 'line', d: line }),
  );
  return h(
    'figure',
    { class: 'chart' },
    h('figcaption', {}, h('span', {}, label), h('strong', {}, format(now))),
    drawing,
  );
}

/** Parts of a whole, side by side. */
export function parts(
  label: string,
  all: readonly { readonly name: string; readonly part: number; readonly text?: string; readonly style?: string }[],
): HTMLElement {
  const bar = h('div', {
    class: 'parts',
    role: 'img',
    'aria-label': `${label}: ${all.map(({ name, part, text }) => `${name} ${text ?? `${Math.round(100 * part)} %`}`).join(', ')}`,
  });
  all.forEach(({ part, style }, i) => {
    const piece = h('span', { class: style ?? `tone-${i % 6}` });
    piece.style.flexGrow = String(part);
    if (part > 0) bar.append(piece);
  });
  const legend = h(
    'ul',
    { class: 'legend' },
    ...all.map(({ name, part, text, style }, i) =>
      h(
        'li',
        {},
        h('span', { class: `dot ${style ?? `tone-${i % 6}`}` }),
        h('span', { class: 'legend-name', title: name }, name),
        h('span', {}, text ?? `${Math.round(100 * part)} %`),
      ),
    ),
  );
  return h('figure', { class: 'chart' }, h('figcaption', {}, h('span', {}, label)), bar, legend);
}
