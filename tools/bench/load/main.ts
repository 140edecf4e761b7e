import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../run.mjs';
import { makeModel } from '../peers/random-model.js';
import { SHAPES, type ShapeName } from '../peers/shapes.js';
import { startLlamaServer, startStarling, type ServerProcess } from '../serving/server-process.js';
import { drive, type Arrivals } from './drive.js';
import { watchMemory } from './memory.js';
import { memoryPicture, tableOf, type LoadResult } from './report.js';
import { WORK_KINDS, Workload, type WorkKind } from './workload.js';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: '135M' },
    type: { type: 'string', default: 'Q8_0' },
    threads: { type: 'string', default: '2' },
    parallel: { type: 'string', default: '8' },
    clients: { type: 'string', default: '16' },
    rate: { type: 'string' },
    work: { type: 'string', multiple: true, default: [...WORK_KINDS] },
    seconds: { type: 'string', default: '20' },
    'llama-server': { type: 'string' },
    address: { type: 'string' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    svg: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- load [--shape ${Object.keys(SHAPES).join('|')}] [--type Q8_0] [--threads 2] [--parallel 8] [--clients 16 | --rate PER_SECOND]
  [--work ${WORK_KINDS.join('|')}]... [--seconds 20] [--llama-server FILE] [--address URL] [--svg FILE] [--folder DIR]
The real process under load: --clients ask again as soon as they are answered; with --rate requests come at that rate, whoever is served.
Prints throughput, time to first token and between tokens (ms), refusals, clients that left, failures, resident memory; --svg draws that over time.
With --llama-server the same of that program, with --address of a server that runs already.`);
  process.exit(0);
}

const durationMs = 1000 * Number(options.seconds);
const arrivals: Arrivals =
  options.rate === undefined
    ? { kind: 'closed', clients: Number(options.clients) }
    : { kind: 'open', perSecond: Number(options.rate) };

async function measure(server: Pick<ServerProcess, 'name' | 'url' | 'pid'>): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  for (const work of options.work as WorkKind[]) {
    const memory = watchMemory(server.pid);
    const began = performance.now();
    const outcomes = await drive({ url: server.url, workload: new Workload(work), arrivals, durationMs });
    results.push({ server: server.name, work, durationMs: performance.now() - began, outcomes, memory: memory() });
    const failed = outcomes.find(({ kind }) => kind === 'failed');
    if (failed) console.error(`${server.name}, ${work}: ${failed.error}`);
  }
  return results;
}

async function measureAndStop(server: ServerProcess): Promise<LoadResult[]> {
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

fs.mkdirSync(options.folder, { recursive: true });
const model = await makeModel(options.folder, options.shape as ShapeName, options.type);
execFileSync(process.execPath, [path.join(root, 'tools/build-server.mjs')], { stdio: ['ignore', 2, 2] });
const common = { model, threads: Number(options.threads), parallel: Number(options.parallel), context: 4096 };
const how = arrivals.kind === 'closed' ? `${arrivals.clients} clients` : `${arrivals.perSecond} requests a second`;
console.log(
  `${os.cpus()[0].model}, ${os.cpus().length} cores, ${options.shape} ${options.type}, ${how}, ${options.seconds} s each`,
);
const results = await measureAndStop(await startStarling(common, ['--chat-template', 'chatml']));
const program = options['llama-server'];
if (program !== undefined)
  results.push(...(await measureAndStop(await startLlamaServer(program, common, ['--chat-template', 'chatml']))));
if (options.address !== undefined)
  results.push(...(await measure({ name: options.address, url: options.address, pid: undefined })));
console.log(tableOf(results));
if (options.svg !== undefined) fs.writeFileSync(options.svg, memoryPicture(results));
process.exitCode = results.some(
  ({ server, outcomes }) => server === 'starling' && outcomes.some(({ kind }) => kind === 'failed'),
)
  ? 1
  : 0;
