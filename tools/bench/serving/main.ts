import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { assert } from '@starling/core';
import { root } from '../../run.mjs';
import { median } from '../peers/measurement.js';
import { makeModel } from '../peers/random-model.js';
import { SHAPES, type ShapeName } from '../peers/shapes.js';
import { askChat, type Turn } from './chat-client.js';
import { startLlamaServer, startStarling, type ServerProcess } from './server-process.js';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: '1.24B' },
    type: { type: 'string', default: 'Q4_0' },
    threads: { type: 'string', default: '2' },
    clients: { type: 'string', default: '8' },
    gen: { type: 'string', default: '64' },
    prompt: { type: 'string', default: '1500' },
    runs: { type: 'string', default: '3' },
    'llama-server': { type: 'string' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- serving [--shape ${Object.keys(SHAPES).join('|')}] [--type Q4_0] [--threads 2] [--clients 8] [--gen 64] [--prompt 1500] [--runs 3]
  [--llama-server FILE] [--folder DIR]
Through HTTP: the tokens/s of several clients together against those of one, and how long running answers wait for their next token while
a long prompt of another client arrives, against the median of such waits. With --llama-server also of that program.`);
  process.exit(0);
}

const clients = Number(options.clients);
const genTokens = Number(options.gen);
const runs = Number(options.runs);
/** Answers that run while the long prompt comes. */
const RUNNING = 3;
/** How long they run before it comes. */
const CALM_MS = 4000;

let asked = 0;

/** A question that nobody asked before. */
function ask(server: ServerProcess, characters: number, maxTokens: number): Promise<Turn> {
  const text = `question ${asked++} `.padEnd(characters, 'abcdefgh');
  return askChat(server.url, [{ role: 'user', content: text }], maxTokens);
}

/** Tokens a second. */
interface Rate {
  /** While all clients are answered. */
  readonly together: number;
  /** From the first token of any to the last, the prompts of those that came later in it. */
  readonly whole: number;
}

/** What so many clients get together. */
async function rate(server: ServerProcess, count: number): Promise<Rate> {
  const turns = (await Promise.all(Array.from({ length: count }, () => ask(server, 40, genTokens)))).map(
    ({ tokenAt }) => tokenAt,
  );
  const between = (from: number, to: number): number =>
    (1000 * turns.flat().filter((at) => at > from && at <= to).length) / (to - from);
  const [firsts, lasts] = [turns.map((times) => times[0]), turns.map((times) => times[times.length - 1])];
  return {
    together: between(Math.max(...firsts), Math.min(...lasts)),
    whole: between(Math.min(...firsts), Math.max(...lasts)),
  };
}

/** Milliseconds between two tokens of the same answer, sorted. */
interface Waits {
  readonly calm: readonly number[];
  readonly besidePrompt: readonly number[];
}

/** Has answers run, and a long prompt arrive beside them. */
async function waitsBesidePrompt(server: ServerProcess): Promise<Waits> {
  const answers = Array.from({ length: RUNNING }, () => ask(server, 40, 8 * genTokens));
  await new Promise((resolve) => setTimeout(resolve, CALM_MS));
  const from = performance.now();
  const { tokenAt } = await ask(server, Number(options.prompt), 1);
  const waits: { calm: number[]; besidePrompt: number[] } = { calm: [], besidePrompt: [] };
  for (const { tokenAt: at } of await Promise.all(answers)) {
    for (let i = 1; i < at.length; i++) {
      if (at[i] < from) waits.calm.push(at[i] - at[i - 1]);
      else if (at[i - 1] <= tokenAt[0]) waits.besidePrompt.push(at[i] - at[i - 1]);
    }
  }
  const { calm, besidePrompt } = waits;
  assert(
    calm.length >= 20 && besidePrompt.length >= 20,
    `20 tokens come before the prompt and 20 beside it, not ${calm.length} and ${besidePrompt.length}: give more with --gen`,
  );
  for (const list of [calm, besidePrompt]) list.sort((a, b) => a - b);
  return waits;
}

const middle = (sorted: readonly number[]): number => sorted[sorted.length >> 1];
const p99 = (sorted: readonly number[]): number => sorted[Math.floor(0.99 * sorted.length)];

async function measureServer(server: ServerProcess): Promise<void> {
  try {
    await rate(server, clients);
    const [one, together]: [Rate[], Rate[]] = [[], []];
    const waits: Waits[] = [];
    for (let run = 0; run < runs; run++) {
      one.push(await rate(server, 1));
      together.push(await rate(server, clients));
      waits.push(await waitsBesidePrompt(server));
    }
    const of = (value: (one: Waits) => number): string => median(waits.map(value)).toFixed(2);
    console.log(`\n${server.name}`);
    const rateOf = (rates: readonly Rate[], name: keyof Rate): string =>
      median(rates.map((each) => each[name])).toFixed(1);
    const ratioOf = (name: keyof Rate): string =>
      median(one.map((each, i) => together[i][name] / each[name])).toFixed(2);
    console.log(
      `  one client ${rateOf(one, 'together')} tokens/s; ${clients} clients ${rateOf(together, 'together')} while all are answered: ${ratioOf('together')} times one (${rateOf(together, 'whole')} and ${ratioOf('whole')} with the prompts of those that come later)`,
    );
    console.log(
      `  ${RUNNING} answers while a prompt of ${options.prompt} tokens arrives: p99 between tokens ${of(({ besidePrompt }) => p99(besidePrompt) / middle(besidePrompt))} times the median then, ${of(({ calm, besidePrompt }) => p99(besidePrompt) / middle(calm))} times that before`,
    );
    console.log(
      `  (milliseconds, before: ${of(({ calm }) => middle(calm))}; then: ${of(({ besidePrompt }) => middle(besidePrompt))}, p99 ${of(({ besidePrompt }) => p99(besidePrompt))})`,
    );
  } finally {
    await server.stop();
  }
}

fs.mkdirSync(options.folder, { recursive: true });
const model = await makeModel(options.folder, options.shape as ShapeName, options.type);
execFileSync(process.execPath, [path.join(root, 'tools/build-server.mjs')], { stdio: ['ignore', 2, 2] });
const common = { model, threads: Number(options.threads), parallel: Math.max(clients, RUNNING + 1), context: 4096 };
console.log(
  `${os.cpus()[0].model}, ${os.cpus().length} cores, ${options.shape} ${options.type}, medians of ${runs} runs`,
);
// What a random model says repeats itself and is guessed well; guessed tokens come at once with the one before them, and times between tokens would say nothing.
await measureServer(await startStarling(common, ['--chat-template', 'chatml', '--draft-max', '0']));
const program = options['llama-server'];
if (program !== undefined) await measureServer(await startLlamaServer(program, common, ['--chat-template', 'chatml']));
