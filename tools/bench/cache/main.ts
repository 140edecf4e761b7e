import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../run.mjs';
import { median } from '../peers/measurement.js';
import { makeModel } from '../peers/random-model.js';
import { SHAPES, type ShapeName } from '../peers/shapes.js';
import type { Turn } from '../serving/chat-client.js';
import { startLlamaServer, startStarling, type ServerProcess } from '../serving/server-process.js';
import { Conversation } from './chat-turns.js';
import { measureLookup } from './page-lookup.js';
import { measurePlanning } from './step-planning.js';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: '1.24B' },
    type: { type: 'string', default: 'Q4_0' },
    threads: { type: 'string', default: '2' },
    prompt: { type: 'string', default: '2000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: 'lookup,plan,turns' },
    'llama-server': { type: 'string' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- cache [--shape ${Object.keys(SHAPES).join('|')}] [--type Q4_0] [--threads 2] [--prompt 2000] [--runs 3]
  [--only lookup,plan,turns] [--llama-server FILE] [--folder DIR]
lookup: finding a prefix of 8,000 tokens among 10,000 that are cached
plan:   planning a step of 64 sequences
turns:  the first token of a chat's next turn against that of a chat as long that the server has not seen, before and after a restart of
        the process; with --llama-server the same turns by that program`);
  process.exit(0);
}

const wanted = options.only.split(',');
const ms = (value: number): string => `${value < 10 ? value.toFixed(3) : value.toFixed(0)} ms`;

if (wanted.includes('lookup')) {
  const { prefixes, pages, medianMs, p99Ms } = measureLookup();
  console.log(
    `look-up of 8,000 tokens among ${prefixes} prompts (${pages} pages): median ${ms(medianMs)}, p99 ${ms(p99Ms)}`,
  );
}
if (wanted.includes('plan')) {
  const { medianMs, p99Ms, commitMedianMs } = measurePlanning();
  console.log(
    `planning a step of 64 sequences: median ${ms(medianMs)}, p99 ${ms(p99Ms)}; noting it: median ${ms(commitMedianMs)}`,
  );
}
if (wanted.includes('turns')) await measureTurns();

/** How to start a server whose caches lie in a folder, if it keeps any. */
type Start = (folder: string) => Promise<ServerProcess>;

async function measureTurns(): Promise<void> {
  fs.mkdirSync(options.folder, { recursive: true });
  const model = await makeModel(options.folder, options.shape as ShapeName, options.type);
  execFileSync(process.execPath, [path.join(root, 'tools/build-server.mjs')], { stdio: ['ignore', 2, 2] });
  const common = { model, threads: Number(options.threads), parallel: 2, context: 4096 };
  const program = options['llama-server'];
  const starts: Start[] = [
    (folder) => startStarling(common, ['--chat-template', 'chatml', '--kv-dir', folder]),
    ...(program === undefined ? [] : [() => startLlamaServer(program, common, ['--chat-template', 'chatml'])]),
  ];
  console.log(
    `${os.cpus()[0].model}, ${os.cpus().length} cores, ${options.shape} ${options.type}, chats of ${options.prompt} tokens, medians of ${options.runs} runs`,
  );
  for (const start of starts) await measureServer(start);
}

/** First tokens of chats: unknown ones, their next turns, and those after a restart. */
async function measureServer(start: Start): Promise<void> {
  const folder = fs.mkdtempSync(path.join(options.folder, 'kv-'));
  const [cold, next, restarted]: [Turn[], Turn[], Turn[]] = [[], [], []];
  let server = await start(folder);
  try {
    const warmUp = new Conversation(1, 100);
    await warmUp.next(server);
    await warmUp.next(server);
    for (let run = 0; run < Number(options.runs); run++) {
      const chat = new Conversation(10 + run, Number(options.prompt) - 30);
      cold.push(await chat.next(server));
      next.push(await chat.next(server));
      await server.stop();
      server = await start(folder);
      restarted.push(await chat.next(server));
    }
  } finally {
    await server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const first = (turns: readonly Turn[]): number => median(turns.map(({ firstTokenMs }) => firstTokenMs));
  const cached = (turns: readonly Turn[]): string =>
    `${(100 * median(turns.map(({ cachedTokens, promptTokens }) => cachedTokens / promptTokens))).toFixed(1)} %`;
  console.log(`\n${server.name}`);
  for (const [name, turns] of [
    ['unknown chat', cold],
    ['next turn', next],
    ['turn after a restart', restarted],
  ] as const) {
    const ratio = turns === cold ? '' : `${(first(cold) / first(turns)).toFixed(1)} times sooner`;
    console.log(
      `  ${name.padEnd(22)} first token ${ms(first(turns)).padStart(10)}  cached ${cached(turns).padStart(7)}  ${ratio}`,
    );
  }
}
