import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { HOSTILE_REQUESTS, type HostileRequest } from './requests.js';
import type { SendOrder, SendReport } from './sender.js';

/**
 * What others notice of requests that bring much work along: one at a time is sent to a real server, and meanwhile `/health` is asked without
 * a pause and an answer is streamed. Milliseconds: until the request was answered, what `/health` took (99th percentile and most), and the
 * longest time between two tokens of the stream. The first line is a server that does nothing else.
 */
const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, help: { type: 'boolean', default: false } },
});
if (options.help) {
  console.log(`npm run bench -- hostile [--only WORDS]
The demo model's server with one request at a time that brings much work along, twice each; --only: those whose names have these words.
A line of JSON each, in milliseconds: until it was answered, what /health took meanwhile, and the longest time between two tokens of an answer.`);
  process.exit(0);
}

const root = path.resolve(import.meta.dirname, '../../..');
const server = spawn(
  process.execPath,
  [path.join(root, 'tools/starling.mjs'), 'serve', '--port', '0', '--log-level', 'silent'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let printed = '';
let url = '';
for await (const chunk of server.stdout) {
  printed += String(chunk);
  url = /listens on (http:\/\/\S+)/.exec(printed)?.[1] ?? '';
  if (url !== '') break;
}

const STORY = JSON.stringify({ prompt: 'Once', stream: true, ignore_eos: true, cache_prompt: false });

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
  end.abort();
  await sender.terminate();
  delays.sort((a, b) => a - b);
  const round = (ms: number) => Math.round(ms * 10) / 10;
  console.log(
    JSON.stringify({
      name,
      answered_ms: Math.round(answeredMs),
      health: delays.length,
      health_p99_ms: round(delays[Math.floor(delays.length * 0.99)]),
      health_max_ms: round(delays[delays.length - 1]),
      token_gap_ms: round(await stream),
    }),
  );
}

await measure('nothing else', undefined);
for (const request of HOSTILE_REQUESTS.filter(({ name }) => name.includes(options.only)))
  for (const again of ['', ', again']) await measure(request.name + again, request);
server.kill();
