import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../run.mjs';
import { drive, type Outcome } from '../load/drive.js';
import { watchMemory } from '../load/memory.js';
import { memoryPicture, quantile, tableOf } from '../load/report.js';
import { Workload } from '../load/workload.js';
import { startStarling } from '../serving/server-process.js';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    threads: { type: 'string', default: '2' },
    svg: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run soak -- [--minutes 15] [--threads 2] [--svg FILE]
The demo model's server at twice what it can serve: mixed work, clients that leave, refusals. Fails if resident memory grows by 2 % or more after the
first 2 minutes (of shorter runs: the first eighth), if any request fails or gets no answer, or if anything is left running when all have ended.`);
  process.exit(0);
}

const durationMs = 60_000 * Number(options.minutes);
const WARM_MS = Math.min(120_000, durationMs / 8);
/** How fast requests come while it is measured what the server can do. */
const TRIAL_MS = Math.min(20_000, durationMs / 8);
const MOST_GROWTH = 0.02;

execFileSync(process.execPath, [path.join(root, 'tools/build-server.mjs')], { stdio: ['ignore', 2, 2] });
const model = path.join(root, 'apps/server/dist/models/starling-demo-q8_0.gguf');
const server = await startStarling({ model, threads: Number(options.threads), parallel: 8, context: 2048 }, [
  '--queue-limit',
  '32',
  '--session-limit',
  '16',
]);
const problems: string[] = [];
try {
  const trial = await drive({
    url: server.url,
    workload: new Workload('mixed', 7),
    arrivals: { kind: 'closed', clients: 16 },
    durationMs: TRIAL_MS,
  });
  const perSecond = (2000 * trial.filter(({ kind }) => kind === 'answered').length) / TRIAL_MS;
  console.log(
    `${os.cpus()[0].model}: it serves ${(perSecond / 2).toFixed(1)} requests a second; ${perSecond.toFixed(1)} come for ${options.minutes} minutes`,
  );
  const memory = watchMemory(server.pid, 1000);
  const outcomes = await drive({
    url: server.url,
    workload: new Workload('leaving'),
    arrivals: { kind: 'open', perSecond },
    durationMs,
  });
  const samples = memory();
  const result = { server: 'starling', work: 'leaving', durationMs, outcomes, memory: samples };
  console.log(tableOf([result]));
  if (options.svg !== undefined) fs.writeFileSync(options.svg, memoryPicture([result]));

  // Medians of a minute each (or an eighth): a collection that is due makes single looks jump.
  const between = (from: number, to: number) =>
    quantile(
      samples.filter(({ atMs }) => atMs >= from && atMs < to).map(({ bytes }) => bytes),
      0.5,
    );
  const growth = between(durationMs - WARM_MS / 2, Infinity) / between(WARM_MS, 1.5 * WARM_MS) - 1;
  console.log(`resident memory after the first ${WARM_MS / 1000} s: ${(100 * growth).toFixed(2)} %`);
  if (!(growth < MOST_GROWTH)) problems.push(`memory grew by ${(100 * growth).toFixed(2)} %`);
  const count = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind).length;
  if (count('failed') > 0)
    problems.push(`${count('failed')} requests failed: ${outcomes.find(({ kind }) => kind === 'failed')?.error}`);
  if (count('refused') === 0) problems.push('nothing was refused: it was not twice what the server can do');
  const figures = await (await fetch(`${server.url}/metrics`)).text();
  for (const name of ['starling_running_sequences', 'starling_queue_depth{model="starling-demo-q8_0"}']) {
    const value = figures
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1];
    if (value !== '0') problems.push(`${name} is ${value} when all requests have ended`);
  }
} finally {
  await server.stop();
}
for (const problem of problems) console.error(`soak: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
