import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../run.mjs';
import { hasChromium } from './chromium-page.js';
import { medians, type Measurement } from './measurement.js';
import { NATIVE_CLASSES, installPeers, nativeFolder, type NativeClass } from './peer-packages.js';
import { makeModel } from './random-model.js';
import { SHAPES, type ShapeName } from './shapes.js';
import { measureWllama } from './wllama.js';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: '1.24B' },
    types: { type: 'string', default: 'Q4_0,Q8_0,Q4_K_M' },
    threads: { type: 'string', default: '2' },
    prompt: { type: 'string', default: '256' },
    gen: { type: 'string', default: '32' },
    runs: { type: 'string', default: '3' },
    parallel: { type: 'string', default: '8' },
    classes: { type: 'string', default: Object.keys(NATIVE_CLASSES).join(',') },
    nodes: { type: 'string', default: '20,24' },
    peers: { type: 'string', default: 'native,wllama' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- peers [--shape ${Object.keys(SHAPES).join('|')}] [--types Q4_0,Q8_0,Q4_K_M] [--threads 2,1] [--prompt 256] [--gen 32]
  [--runs 3] [--parallel 8] [--classes ${Object.keys(NATIVE_CLASSES).join(',')}] [--nodes 20,24] [--peers native,wllama] [--folder DIR] [--json]
Runs Starling (on each Node version) and its peers alternately on the same random model; prints medians and ratios, and for Starling
the tokens/s of as many sequences decoded together as --parallel says (0: none), against those of one.`);
  process.exit(0);
}

const list = (text: string): string[] => text.split(',').filter(Boolean);
const promptTokens = Number(options.prompt);
const genTokens = Number(options.gen);
const runs = Number(options.runs);
const parallel = Number(options.parallel);

/** The node binary of a major version, through npx when it is not the one that runs this. */
function nodeBinary(major: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return execFileSync('npx', ['-y', `node@${major}`, '-p', 'process.execPath'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

function measureStarling(node: string, model: string, threads: number): Measurement[] {
  const main = path.join(root, 'apps/server/dist/main.js');
  const bench = (...args: (string | number)[]): { prompt_tps: number; decode_tps: number } => {
    const out = execFileSync(
      node,
      [main, 'bench', '-m', model, '-t', String(threads), '-n', String(genTokens), '--json', ...args.map(String)],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
    return JSON.parse(out) as { prompt_tps: number; decode_tps: number };
  };
  const { prompt_tps: promptTps, decode_tps: decodeTps } = bench('-p', promptTokens);
  return [
    {
      promptTps,
      decodeTps,
      ...(parallel > 1 ? { togetherTps: bench('-p', 0, '--parallel', parallel).decode_tps } : {}),
    },
  ];
}

function measureNative(name: NativeClass, model: string, threads: number): Measurement[] {
  const script = path.join(import.meta.dirname, 'native.mjs');
  const args = [nativeFolder(name), model, threads, promptTokens, genTokens, 1].map(String);
  const out = execFileSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return (JSON.parse(out.trim().split('\n').pop()!) as { results: Measurement[] }).results;
}

interface Engine {
  readonly name: string;
  measure(model: string, threads: number): Measurement[] | Promise<Measurement[]>;
}

const peers = list(options.peers);
if (peers.length > 0) installPeers();
execFileSync(process.execPath, [path.join(root, 'tools/build-server.mjs')], { stdio: ['ignore', 2, 2] });
const engines: Engine[] = [
  ...list(options.nodes).map((major) => {
    const node = nodeBinary(major);
    return {
      name: `starling (node ${major})`,
      measure: (model: string, threads: number) => measureStarling(node, model, threads),
    };
  }),
  ...(peers.includes('native') ? (list(options.classes) as NativeClass[]) : []).map((name) => ({
    name: `node-llama-cpp ${name}`,
    measure: (model: string, threads: number) => measureNative(name, model, threads),
  })),
  ...(peers.includes('wllama') && hasChromium()
    ? [
        {
          name: 'wllama (chromium)',
          measure: (model: string, threads: number) => measureWllama(model, threads, promptTokens, genTokens, 1),
        },
      ]
    : []),
];
if (peers.includes('wllama') && !hasChromium())
  console.error('wllama is left out: no Chromium (CHROMIUM_PATH names it)');

fs.mkdirSync(options.folder, { recursive: true });
console.log(
  `${os.cpus()[0].model}, ${os.cpus().length} cores, ${options.shape}, prompt ${promptTokens}, decode ${genTokens}, medians of ${runs} alternating runs`,
);
for (const type of list(options.types)) {
  const model = await makeModel(options.folder, options.shape as ShapeName, type);
  for (const threads of list(options.threads).map(Number)) {
    const results = new Map<Engine, Measurement[]>(engines.map((engine) => [engine, []]));
    // The first round warms the page cache and is not counted.
    for (let run = 0; run <= runs; run++) {
      for (const engine of engines) {
        const measured = await engine.measure(model, threads);
        if (run > 0) results.get(engine)!.push(...measured);
      }
    }
    report(type, threads, new Map([...results].map(([engine, values]) => [engine.name, medians(values)])));
  }
}

/** Prints each engine's medians, and the ratio of each Starling to it. */
function report(type: string, threads: number, results: ReadonlyMap<string, Measurement>): void {
  if (options.json) return console.log(JSON.stringify({ type, threads, results: Object.fromEntries(results) }));
  const ours = [...results].filter(([name]) => name.startsWith('starling'));
  const ratioHeads = ours.map(([name]) => `${name.replace('starling ', '')} prompt / decode`.padStart(28)).join('');
  console.log(
    `\n${type}, ${threads} threads`.padEnd(30) + 'prompt t/s'.padStart(12) + 'decode t/s'.padStart(12) + ratioHeads,
  );
  for (const [name, { promptTps, decodeTps, togetherTps }] of results) {
    const ratios = ours
      .map(([, our]) =>
        `${(our.promptTps / promptTps).toFixed(2)} / ${(our.decodeTps / decodeTps).toFixed(2)}`.padStart(28),
      )
      .join('');
    const together =
      togetherTps === undefined
        ? ''
        : `   ${parallel} together: ${togetherTps.toFixed(1)} t/s, ${(togetherTps / decodeTps).toFixed(2)} times one`;
    console.log(
      name.padEnd(29) + promptTps.toFixed(1).padStart(12) + decodeTps.toFixed(2).padStart(12) + ratios + together,
    );
  }
}
