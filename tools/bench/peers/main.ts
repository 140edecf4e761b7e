import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../run.mjs';
import { hasChromium } from './chromium-page.js';
import { nodeLlamaCpp, starling, wllama, type Engine } from './engines.js';
import { llamaCpp } from './llama-cpp.js';
import { median } from './measurement.js';
import { NATIVE_CLASSES, installPeers, type NativeClass } from './peer-packages.js';
import { bytesToDecode, makeModel } from './random-model.js';
import { objectOf, tableOf, type RowResult } from './report.js';
import { nameOf, rowsOf, type Row } from './rows.js';
import { SHAPES, type Shape, type ShapeName } from './shapes.js';
import { streamingLimit } from './streaming.js';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: '1.24B' },
    types: { type: 'string', default: 'Q4_0,Q8_0,Q4_K_M' },
    threads: { type: 'string', default: '2' },
    prompt: { type: 'string', default: '256' },
    depth: { type: 'string', default: '0' },
    gen: { type: 'string', default: '32' },
    parallel: { type: 'string', default: '8' },
    rows: { type: 'string', default: '' },
    runs: { type: 'string', default: '3' },
    native: { type: 'string' },
    classes: { type: 'string', default: Object.keys(NATIVE_CLASSES).join(',') },
    nodes: { type: 'string', default: '20,24' },
    peers: { type: 'string' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- peers [--shape ${Object.keys(SHAPES).join('|')}] [--types Q4_0,Q8_0,Q4_K_M,IQ2_XXS,IQ3_S,TQ2_0]
  [--threads 1,2] [--prompt 64,512,2048] [--depth 0,2048,8192] [--gen 32] [--parallel 1,2,4,8,16] [--rows "decode,prompt 512 at 0,together 8"]
  [--runs 3] [--native FOLDER] [--peers native,wllama] [--classes ${Object.keys(NATIVE_CLASSES).join(',')}] [--nodes 20,24]
  [--folder DIR] [--json]
Runs Starling (on each Node version) and others alternately on the same random model; prints medians of tokens/s and their ratios.
  --rows    what is measured of all that --prompt, --depth and --parallel give: rows whose names begin with one of these
  --native  a native build of llama.cpp: a folder with llama-bench and llama-batched-bench. Node-llama-cpp and wllama are then left out,
            unless --peers names them
A row of dense decoding tells the share of what reading alone comes to in the same run (weights of the file, once a token), a row of several
sequences the rate against one, a row of several numbers of threads the rate against the first.`);
  process.exit(0);
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
const numbers = (text: string): number[] => list(text).map(Number);
const shape = options.shape as ShapeName;
const runs = Number(options.runs);
const rows = rowsOf(
  {
    prompts: numbers(options.prompt),
    depths: numbers(options.depth),
    parallel: numbers(options.parallel),
    gen: Number(options.gen),
  },
  list(options.rows),
);

const peers = list(options.peers ?? (options.native === undefined ? 'native,wllama' : ''));
if (peers.length > 0) installPeers();
execFileSync(process.execPath, [path.join(root, 'tools/build-server.mjs')], { stdio: ['ignore', 2, 2] });
if (peers.includes('wllama') && !hasChromium())
  console.error('wllama is left out: no Chromium (CHROMIUM_PATH names it)');
const engines: Engine[] = [
  ...list(options.nodes).map(starling),
  ...(options.native === undefined ? [] : [llamaCpp(options.native)]),
  ...(peers.includes('native') ? (list(options.classes) as NativeClass[]) : []).map(nodeLlamaCpp),
  ...(peers.includes('wllama') && hasChromium() ? [wllama] : []),
];

fs.mkdirSync(options.folder, { recursive: true });
if (!options.json)
  console.log(
    `${os.cpus()[0].model}, ${os.cpus().length} cores, ${shape}, decode ${options.gen}, medians of ${runs} alternating runs`,
  );
const results: RowResult[] = [];
for (const type of list(options.types)) {
  const model = await makeModel(options.folder, shape, type);
  const bytes = await bytesToDecode(options.folder, shape, type);
  for (const threads of numbers(options.threads)) {
    for (const row of rows) {
      const result = { type, threads, row, ...(await measure(model, bytes, threads, row)) };
      console.log(options.json ? JSON.stringify(objectOf(result)) : `\n${tableOf(result, results)}`);
      results.push(result);
    }
  }
}

/** Medians of alternating runs. The first warms the page cache and is not counted. */
async function measure(
  model: string,
  bytes: number,
  threads: number,
  row: Row,
): Promise<Pick<RowResult, 'tps' | 'limitTps'>> {
  const rates = new Map<string, number[]>();
  const limits: number[] = [];
  const isDense = (SHAPES[shape] as Shape).experts === undefined;
  for (let run = 0; run <= runs; run++) {
    if (run > 0 && isDense && nameOf(row) === 'decode at 0') limits.push(await streamingLimit(threads));
    for (const engine of engines) {
      const tps = await engine.measure(model, threads, row);
      if (tps === undefined || run === 0) continue;
      rates.set(engine.name, [...(rates.get(engine.name) ?? []), tps]);
    }
  }
  return {
    tps: new Map([...rates].map(([name, values]) => [name, median(values)])),
    ...(limits.length > 0 ? { limitTps: (median(limits) * 1e9) / bytes } : {}),
  };
}
