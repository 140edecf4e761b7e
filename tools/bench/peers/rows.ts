/** One thing that is measured: tokens per second of it, all sequences together. */
export type Row =
  /** A prompt, computed in batches behind `depth` tokens of context. */
  | { readonly kind: 'prompt'; readonly tokens: number; readonly depth: number }
  /** Tokens one by one behind so much context. */
  | { readonly kind: 'decode'; readonly tokens: number; readonly depth: number }
  /** One token of each of several sequences in a step. */
  | { readonly kind: 'together'; readonly tokens: number; readonly sequences: number };

/** What of a model is to be measured. */
export interface Extent {
  readonly prompts: readonly number[];
  readonly depths: readonly number[];
  /** Sequences together; none where there are no more than one. */
  readonly parallel: readonly number[];
  /** Tokens that are decoded. */
  readonly gen: number;
}

/** How messages and `--rows` call it: `prompt 512 at 2048`, `decode at 0`, `together 8`. */
export function nameOf(row: Row): string {
  if (row.kind === 'together') return `together ${row.sequences}`;
  return row.kind === 'prompt' ? `prompt ${row.tokens} at ${row.depth}` : `decode at ${row.depth}`;
}

/** All rows of an extent, or those whose names begin with one of some words: `decode` stands for decoding at all depths. */
export function rowsOf({ prompts, depths, parallel, gen }: Extent, chosen: readonly string[]): Row[] {
  const rows: Row[] = [
    ...depths.flatMap((depth) => prompts.map((tokens): Row => ({ kind: 'prompt', tokens, depth }))),
    ...depths.map((depth): Row => ({ kind: 'decode', tokens: gen, depth })),
    ...parallel
      .filter((sequences) => sequences > 1)
      .map((sequences): Row => ({ kind: 'together', tokens: gen, sequences })),
  ];
  if (chosen.length === 0) return rows;
  return rows.filter((row) => chosen.some((name) => `${nameOf(row)} `.startsWith(`${name} `)));
}
