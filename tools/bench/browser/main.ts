import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { hasChromium } from '../peers/chromium-page.js';
import { medians, type Measurement } from '../peers/measurement.js';
import { installBrowserPeers } from '../peers/peer-packages.js';
import { makeModel } from '../peers/random-model.js';
import { SHAPES, type ShapeName } from '../peers/shapes.js';
import { measureWllama } from '../peers/wllama.js';
import { measureStarlingWeb } from './starling-web.js';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: '135M' },
    types: { type: 'string', default: 'Q8_0,Q4_0' },
    threads: { type: 'string', default: '1,2' },
    prompt: { type: 'string', default: '256' },
    gen: { type: 'string', default: '64' },
    runs: { type: 'string', default: '3' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- browser [--shape ${Object.keys(SHAPES).join('|')}] [--types Q8_0,Q4_0] [--threads 1,2] [--prompt 256] [--gen 64] [--runs 3]
  [--folder DIR] [--json]
Runs the engine for pages and wllama alternately on the same random model, each in a cross-origin isolated page of a fresh headless Chromium;
prints medians and how many times wllama's tokens per second ours are. (transformers.js is left out: it reads no GGUF.)`);
  process.exit(0);
}
if (!hasChromium()) {
  console.error('no Chromium to measure in (CHROMIUM_PATH names it)');
  process.exit(1);
}

const list = (text: string): string[] => text.split(',').filter(Boolean);
const [prompt, gen, runs] = [options.prompt, options.gen, options.runs].map(Number);

/** Runs in one page: the first, which the browser's compilers learn from, is not counted. */
const RUNS_OF_PAGE = 2;

installBrowserPeers();
fs.mkdirSync(options.folder, { recursive: true });
console.log(
  `${os.cpus()[0].model}, ${os.cpus().length} processors, ${options.shape}, prompt ${prompt}, decode ${gen}, medians of ${runs} alternating runs`,
);
for (const type of list(options.types)) {
  const model = await makeModel(options.folder, options.shape as ShapeName, type);
  for (const threads of list(options.threads).map(Number)) {
    const [ours, theirs]: [Measurement[], Measurement[]] = [[], []];
    for (let run = 0; run < runs; run++) {
      ours.push((await measureStarlingWeb(model, threads, prompt, gen, RUNS_OF_PAGE)).at(-1)!);
      theirs.push((await measureWllama(model, threads, prompt, gen, RUNS_OF_PAGE)).at(-1)!);
    }
    report(type, threads, medians(ours), medians(theirs));
  }
}

function report(type: string, threads: number, ours: Measurement, theirs: Measurement): void {
  const ratios = { prompt: ours.promptTps / theirs.promptTps, decode: ours.decodeTps / theirs.decodeTps };
  if (options.json) return console.log(JSON.stringify({ type, threads, starling: ours, wllama: theirs, ratios }));
  console.log(`\n${type}, ${threads} threads`.padEnd(30) + 'prompt t/s'.padStart(12) + 'decode t/s'.padStart(12));
  for (const [name, { promptTps, decodeTps }] of [
    ['starling', ours],
    ['wllama', theirs],
  ] as const)
    console.log(name.padEnd(29) + promptTps.toFixed(1).padStart(12) + decodeTps.toFixed(1).padStart(12));
  console.log('times'.padEnd(29) + ratios.prompt.toFixed(2).padStart(12) + ratios.decode.toFixed(2).padStart(12));
}
