import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { StarlingError } from '@starling/core';
import type { Engine } from './engines.js';
import type { Row } from './rows.js';

/** Tokens that each sequence begins with where several are decoded together. */
const BEGINNING = 4;

/** A native build of llama.cpp: a folder with `llama-bench` and `llama-batched-bench`. */
export function llamaCpp(folder: string): Engine {
  const run = (program: string, ...args: (string | number)[]): string =>
    execFileSync(path.join(folder, program), args.map(String), {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 2 ** 26,
    });
  for (const program of ['llama-bench', 'llama-batched-bench'])
    if (!fs.existsSync(path.join(folder, program)))
      throw new StarlingError(
        'not_found',
        `--native ${folder}: there is no ${program} in this folder; build llama.cpp's tools into it`,
      );

  const single = (model: string, threads: number, row: Exclude<Row, { kind: 'together' }>): number => {
    const [prompt, gen] = row.kind === 'prompt' ? [row.tokens, 0] : [0, row.tokens];
    const out = run(
      'llama-bench',
      '-m',
      model,
      '-t',
      threads,
      '-p',
      prompt,
      '-n',
      gen,
      '-d',
      row.depth,
      '-r',
      1,
      '-o',
      'json',
    );
    return (JSON.parse(out) as { avg_ts: number }[])[0].avg_ts;
  };
  const together = (model: string, threads: number, sequences: number, tokens: number): number => {
    const context = sequences * (BEGINNING + tokens) + 64;
    const out = run(
      'llama-batched-bench',
      ...['-m', model, '-t', threads, '-c', context, '-npp', BEGINNING, '-ntg', tokens, '-npl', sequences],
      ...['--output-format', 'jsonl'],
    );
    const line = out.split('\n').find((text) => text.startsWith('{'));
    if (line === undefined)
      throw new StarlingError('internal', `llama-batched-bench printed no result for ${sequences} sequences`);
    return (JSON.parse(line) as { speed_tg: number }).speed_tg;
  };
  return {
    name: 'llama.cpp',
    measure: (model, threads, row) =>
      row.kind === 'together' ? together(model, threads, row.sequences, row.tokens) : single(model, threads, row),
  };
}
