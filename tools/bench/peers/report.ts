import { OURS } from './engines.js';
import { nameOf, type Row } from './rows.js';

/** Medians of one row, of each engine that measures it. */
export interface RowResult {
  readonly type: string;
  readonly threads: number;
  readonly row: Row;
  /** By engine: tokens per second. */
  readonly tps: ReadonlyMap<string, number>;
  /** Dense decoding at no depth: the tokens per second at which reading all weights takes all that memory gives. */
  readonly limitTps?: number;
}

const ratio = (value: number): string => value.toFixed(2);

/** One line of text for each engine: its rate, the ratio of each Starling to it, and what its rate is in other rates of the run. */
export function tableOf(result: RowResult, before: readonly RowResult[]): string {
  const { type, threads, row, tps, limitTps } = result;
  const ours = [...tps].filter(([name]) => name.startsWith(OURS));
  const lines = [...tps].map(([name, value]) => {
    const cells = [`  ${name}`.padEnd(28), value.toFixed(2).padStart(10)];
    if (!name.startsWith(OURS))
      for (const [our, ourValue] of ours) cells.push(`${our.replace(`${OURS} `, '')} ${ratio(ourValue / value)} of it`);
    const one = before.find((other) => isSame(other, result, { sequences: true }))?.tps.get(name);
    if (row.kind === 'together' && one !== undefined) cells.push(`${ratio(value / one)} times one`);
    if (limitTps !== undefined) cells.push(`${ratio(value / limitTps)} of streaming`);
    for (const other of before) {
      const otherValue = other.tps.get(name);
      if (other.threads !== threads && otherValue !== undefined && isSame(other, result, { threads: true }))
        cells.push(`${ratio(value / otherValue)} of ${other.threads} threads`);
    }
    return cells.join('  ');
  });
  return [`${type}, ${threads} threads, ${nameOf(row)}`, ...lines].join('\n');
}

/** The same as one object. */
export const objectOf = ({ tps, row, ...rest }: RowResult): object => ({
  ...rest,
  row: nameOf(row),
  tps: Object.fromEntries(tps),
});

/** Whether two results differ in no more than the number of threads, or of sequences. */
function isSame(a: RowResult, b: RowResult, but: { readonly threads?: true; readonly sequences?: true }): boolean {
  if (a.type !== b.type || (!but.threads && a.threads !== b.threads)) return false;
  return but.sequences ? nameOf(a.row) === 'decode at 0' : nameOf(a.row) === nameOf(b.row);
}
