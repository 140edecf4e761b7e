import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { hostileRequests, type HostileRequest } from './requests.js';
import type { SendOrder, SendReport } from './sender.js';

/**
 * What others notice of requests that bring much work along: one at a time is sent to a real server, and meanwhile `/health` is asked without
 * a pause and an answer is streamed. Milliseconds: until the request was answered, what `/health` took (99th percentile and most), the longest
 * time between two tokens of the stream, and for how long the serving thread worked without a turn of its event loop (its processor time, which
 * other programs do not change). The first line is a server that does nothing else.
 */
const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, help: { type: 'boolean', default: false } },
});
if (options.help) {
  console.log(`npm run bench -- hostile [--only WORDS]
The demo model's server with one request at a time that brings much work along, twice each; --only: those whose names have these words.
A line of JSON each, in milliseconds: until it was answered, what /health took meanwhile, the longest time between two tokens of an answer, and
the longest work of the serving thread without a turn of its event loop (Node 24: its own processor time).`);
  process.exit(0);
}

const root = path.resolve(import.meta.dirname, '../../..');
const server = spawn(
  process.execPath,
  [
    '--import',
    new URL('./meter.mjs', import.meta.url).href,
    path.join(root, 'tools/starling.mjs'),
    'serve',
    '--port',
    '0',
    '--log-level',
    'silent',
  ],
  { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
);
let printed = '';
let url = '';
for await (const chunk of server.stdout!) {
  printed += String(chunk);
  url = /listens on (http:\/\/\S+)/.exec(printed)?.[1] ?? '';
  if (url !== '') break;
}

const STORY = JSON.stringify({ prompt: 'Once', stream: true, ignore_eos: true, cache_prompt: false });

/** How long the server's thread worked without a turn, each time since it was last asked, in ms; none where Node does not tell. */
async function stretches(): Promise<readonly number[]> {
  if (!('threadCpuUsage' in process)) return [];
  server.send('stretches');
  const [list] = (await once(server, 'message')) as [readonly number[]];
  return list;
}

/** The longest time between two reads of a stream, in ms. */
async function longestGap(signal: AbortSignal): Promise<number> {
  let longest = 0;
  try {
    while (!signal.aborted) {
      const response = await fetch(`${url}/v1/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: STORY,
        signal,
      });
      let last = performance.now();
      for await (const _ of response.body!) {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      }
    }
  } catch {
    // It was ended.
  }
  return longest;
}

const p99Of = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;

async function send(sender: Worker, order: SendOrder): Promise<SendReport> {
  sender.postMessage(order);
  const [status] = (await once(sender, 'message')) as [SendReport];
  return status;
}

async function measure(name: string, request: HostileRequest | undefined): Promise<void> {
  const body = JSON.stringify(request?.body);
  const sender = new Worker(new URL('./sender.ts', import.meta.url));
  await once(sender, 'online');
  const end = new AbortController();
  const stream = longestGap(end.signal);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await stretches();
  const start = performance.now();
  let answeredMs: number | undefined;
  const answer =
    request === undefined
      ? new Promise((resolve) => setTimeout(resolve, 1000))
      : send(sender, { url: url + request.path, body }).then((status) => {
          if (status !== request.status) console.error(`${name}: answered ${status}, not ${request.status}`);
        });
  const answered = answer.then(() => void (answeredMs = performance.now() - start));
  const delays: number[] = [];
  do {
    const asked = performance.now();
    await (await fetch(`${url}/health`)).arrayBuffer();
    delays.push(performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 2));
  } while (answeredMs === undefined);
  await answered;
  const worked = await stretches();
  end.abort();
  await sender.terminate();
  const round = (ms: number) => Math.round(ms * 10) / 10;
  console.log(
    JSON.stringify({
      name,
      answered_ms: Math.round(answeredMs),
      health: delays.length,
      health_p99_ms: round(p99Of(delays)),
      health_max_ms: round(Math.max(...delays)),
      token_gap_ms: round(await stream),
      worked_p99_ms: round(p99Of(worked)),
      worked_max_ms: round(Math.max(0, ...worked)),
    }),
  );
}

await measure('nothing else', undefined);
for (const request of hostileRequests().filter(({ name }) => name.includes(options.only)))
  for (const again of ['', ', again']) await measure(request.name + again, request);
server.kill();
